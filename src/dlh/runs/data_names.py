"""What a person means by a word after ``--data``: a data set that has a name, or a path."""

from __future__ import annotations

import os
from pathlib import Path

from dlh.data.clips import DataError
from dlh.data.published.catalogue import CATALOGUE, MNIST
from dlh.data.published.data_set import DataSet
from dlh.data.published.places import Place
from dlh.data.worlds.digits import Digits, load_digits
from dlh.errors import UsageError
from dlh.settings import suggestion


def named(name: str) -> DataSet:
    """The data set of that name; UsageError with the nearest one where there is none."""
    if name not in CATALOGUE:
        raise UsageError(
            f"there is no data set {name!r}{suggestion(name, list(CATALOGUE))} "
            "(`dlh data list` shows them)"
        )
    return CATALOGUE[name]


def name_or_path(given: str) -> str:
    """The name of a data set as it is, anything else as an absolute path.

    Raises:
        UsageError: it is the name of a data set, and of something in the current folder too.
    """
    if given not in CATALOGUE:
        return os.path.abspath(given)
    if os.path.lexists(given):
        place = Place.of(CATALOGUE[given])
        other = (
            f"`{place.store}` is the store of the data set"
            if CATALOGUE[given].kind in ("videos", "made")
            else "for the data set, go to another folder"
        )
        raise UsageError(
            f"{given} is a data set of dlh and also something in this folder: say `./{given}` for "
            f"what is here; {other}"
        )
    return given


def store_path(given: str | os.PathLike[str]) -> Path:
    """The store that is meant: by its path, or by the name of a data set that is prepared.

    Raises:
        UsageError: see :func:`name_or_path`; a data set that never has a store.
        DataError: the data set is not prepared.
    """
    data_set = CATALOGUE.get(os.fspath(given))
    if data_set is None:
        return Path(given)
    name_or_path(data_set.name)
    if data_set.kind not in ("videos", "made"):
        raise UsageError(f"{data_set.name} has no store: it is {data_set.origin}")
    return Place.of(data_set).open().path


def load_named_digits(given: str, *, option: str = "--data.digits") -> Digits:
    """The digits that an option names: mnist, the folder of its files, or mnist-5k.

    Raises:
        UsageError: mnist is not prepared.
        DataError: the files cannot be used.
    """
    folder: str | Path = given
    if given == MNIST:
        place = Place.of(CATALOGUE[MNIST])
        if not place.is_prepared():
            raise UsageError(place.how_to_prepare())
        folder = place.folder
    try:
        return load_digits(folder)
    except DataError as error:
        raise DataError(
            f"{error}; which digits move is {option}: mnist, the folder of MNIST's files or "
            "mnist-5k"
        ) from None
