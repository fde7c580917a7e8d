"""The folders of named data sets: where their files and stores are, and which are present."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from dlh.data.clips import DataError
from dlh.data.published.data_set import DataSet
from dlh.data.store.discover import Found
from dlh.data.store.store import Store, is_store
from dlh.data.worlds.digits import digit_file
from dlh.files.writing import cache_folder

USUAL_SIZE = 64
"""Height and width to which data sets are prepared if nothing else is asked for, pixels."""


def data_root(given: str | os.PathLike[str] | None = None) -> Path:
    """The folder of all named data sets: the given one, else ``$DLH_DATA``, else ``data`` in the
    cache (:func:`dlh.files.writing.cache_folder`).
    """
    if given is not None:
        return Path(given)
    if chosen := os.environ.get("DLH_DATA"):
        return Path(chosen)
    return cache_folder() / "data"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one data set lies: original files in ``folder``, the store that is made of them in
    ``store``.
    """

    data_set: DataSet
    root: Path

    @classmethod
    def of(cls, data_set: DataSet, root: str | os.PathLike[str] | None = None) -> Place:
        """Its place below a root; see :func:`data_root`."""
        return cls(data_set=data_set, root=data_root(root))

    @property
    def folder(self) -> Path:
        return self.root / self.data_set.name

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def find(self) -> Found:
        """The published files that are present."""
        assert self.data_set.layout is not None
        return self.data_set.layout.find(self.folder)

    def is_prepared(self) -> bool:
        """Whether it can be used at once."""
        if self.data_set.kind == "digits":
            return not self.missing_digits()
        return self.data_set.kind == "generated" or is_store(self.store)

    def missing_digits(self) -> list[str]:
        """The missing files of digits, by the names under which they are published."""
        (part,) = self.data_set.parts
        return [
            remote.file
            for remote in part.remotes
            if digit_file(self.folder, remote.file.removesuffix(".gz")) is None
        ]

    def state(self) -> str:
        """Whether it is prepared, in a few words for `dlh data list`."""
        if self.data_set.kind == "generated":
            return "generated"
        if self.is_prepared():
            return "prepared"
        if self.store.with_name(f".{self.store.name}.unfinished").exists():
            return "interrupted; dlh data prepare continues"
        package, extra = self.data_set.package, self.data_set.extra
        if package is not None and importlib.util.find_spec(package) is None:
            return f"needs pip install 'dlh[{extra}]'"
        if self.data_set.kind == "made":
            return "not made"
        if self.data_set.layout is not None and (found := self.find().sources):
            return f"{len(found)} files found, not prepared"
        wanted = [remote.file for part in self.data_set.parts for remote in part.remotes]
        there = sum((self.folder / file).exists() for file in wanted)
        if there:
            return f"{there} of {len(wanted)} files found, not prepared"
        return "not here"

    def open(self) -> Store:
        """The prepared store.

        Raises:
            DataError: it is not prepared, or is damaged.
        """
        if not self.is_prepared():
            raise DataError(self.how_to_prepare())
        return Store.open(self.store)

    def how_to_prepare(self, *, size: int = USUAL_SIZE) -> str:
        """The message for a data set that is requested and not prepared.

        Args:
            size: height and width of the frames that are wanted, pixels.
        """
        name = self.data_set.name
        option = "" if size == USUAL_SIZE else f" --size {size}"
        return (
            f"{name} is not prepared (looked in {self.folder}): `dlh data prepare {name}{option}`, "
            "or set DLH_DATA to the folder in which it was"
        )
