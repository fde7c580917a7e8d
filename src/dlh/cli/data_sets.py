"""``dlh data list`` and ``dlh data prepare``: the data sets that have a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dlh.cli.options import parse
from dlh.cli.output import say


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """The data sets that have a name: what they are, how large, under what licence, and which of
    them are here.

    example:  dlh data list --root data
    """

    root: Path | None = None
    """The folder of all data sets; DLH_DATA, or a folder in the cache, when not given."""


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Fetch a data set and make a clip store of it. Files that you have are used instead: put
    them, packed or unpacked, into DIR/NAME. What was interrupted goes on with the same command.

    example:  dlh data prepare kth --root data
    """

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """One of those that dlh data list shows."""
    root: Path | None = None
    """The folder of all data sets; DLH_DATA, or a folder in the cache, when not given."""
    size: int = 64
    """Height and width of the frames in pixels."""
    no_validation: tyro.conf.FlagCreatePairsOff[bool] = False
    """All published training files train; otherwise a part of them is for validation."""
    videos: tuple[int, int, int] | None = None
    """How many to train, to validate and to test; of vizdoom-mazes, which are made here."""
    clip_length: int = 100
    """Of the clips that the report counts, frames."""


def list_data(words: Sequence[str]) -> None:
    """``dlh data list``."""
    options = parse(ListOptions, words, prog="dlh data list")
    from dlh.commands import data_sets

    data_sets.list_data(**vars(options), say=say)


def prepare(words: Sequence[str]) -> None:
    """``dlh data prepare``."""
    options = parse(PrepareOptions, words, prog="dlh data prepare")
    from dlh.commands import data_sets

    given = dict(vars(options))
    validation = not given.pop("no_validation")
    data_sets.prepare(**given, validation=validation, say=say)
