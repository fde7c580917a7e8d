"""``dlh data``: data sets by name, videos into a clip store, and what can be done with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dlh.cli.commands import Command, run_one_of
from dlh.cli.data_sets import list_data, prepare
from dlh.cli.options import parse
from dlh.cli.output import say

StorePath = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STORE")]


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Decode videos once, into a clip store that is read as fast as memory; says what became of
    every file. An import that was interrupted goes on with the same command.

    example:  dlh data import my_videos --out my_store --size 64 --fps 10
    """

    path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PATH")]
    """A folder of videos (those below it are searched too), or one video."""
    out: Path
    """The store, a folder that does not exist yet."""
    size: int = 64
    """Height and width of the frames in pixels; a model takes multiples of 16."""
    fps: float | None = None
    """Bring all to this many frames a second; without it every frame is kept."""
    grey: tyro.conf.FlagCreatePairsOff[bool] = False
    """One channel instead of three."""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of files for training, validation and test."""
    seed: int = 0
    """Decides which file goes where."""
    clip_length: int = 100
    """Of the clips that the report counts, frames."""


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """Read a whole store and compare its index, the sizes of its files and the checksum of every
    video, or all clips that a manifest names; the exit status is 1 if anything is another.

    example:  dlh data verify my_store
    """

    store: StorePath
    """A store that dlh data import made, the name of a data set that is prepared, or a manifest."""
    data: str | None = None
    """Of a manifest: the store its clips are in, or the digits that move; what it names itself when
    not given."""


@dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """What is in a store, as a table, a picture (a row of frames for each of some videos) and a
    short film of these videos.

    example:  dlh data inspect my_store --out grid.png
    """

    store: StorePath
    """A store that dlh data import made, or the name of a data set that is prepared."""
    out: Path = Path("grid.png")
    """The picture; the film goes beside it as .mp4."""
    clip_length: int = 100
    """Of the clips that the report counts, frames."""


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """A clip of a generated world as a film, to try a model of it on: one that no run is trained
    on. Says at which frames the colour changes.

    example:  dlh data clip moving-ball --out ball.mp4
    """

    preset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET")]
    """Whose world: moving-ball, which the shipped model of that name knows, moving-ball-paper or
    tiny."""
    frames: int = 130
    """Its length: 30 to watch and 100 to predict."""
    number: int = 0
    """Which clip of the test split."""
    out: Path = Path("clip.mp4")
    """Where the film goes."""


def main(arguments: Sequence[str]) -> int:
    """``dlh data``."""
    return run_one_of(COMMANDS, arguments, prog="dlh data", usage=USAGE)


def _import(words: Sequence[str]) -> None:
    options = parse(ImportOptions, words, prog="dlh data import")
    from dlh.commands.data_store import import_videos

    import_videos(**vars(options), say=say)


def _verify(words: Sequence[str]) -> None:
    options = parse(VerifyOptions, words, prog="dlh data verify")
    from dlh.commands.data_manifests import verify

    verify(**vars(options), say=say)


def _inspect(words: Sequence[str]) -> None:
    options = parse(InspectOptions, words, prog="dlh data inspect")
    from dlh.commands.data_inspect import inspect

    inspect(**vars(options), say=say)


def _manifest(words: Sequence[str]) -> None:
    from dlh.cli.manifest_options import ManifestOptions

    options = parse(ManifestOptions, words, prog="dlh data manifest")
    from dlh.commands.data_manifests import write_manifest

    write_manifest(**vars(options), say=say)


def _clip(words: Sequence[str]) -> None:
    options = parse(ClipOptions, words, prog="dlh data clip")
    from dlh.commands.clip import write_clip

    write_clip(**vars(options), say=say)


COMMANDS: dict[str, Command] = {
    "list": ("the data sets that have a name, and which of them are here", list_data),
    "prepare": ("fetch a data set, or take the files you have, and make a store of it", prepare),
    "import": ("videos into a clip store; says what became of every file", _import),
    "verify": ("is every byte of a store what was written?", _verify),
    "inspect": ("what is in a store: a table, a picture and a short film", _inspect),
    "manifest": ("name the clips of an evaluation, so that others can use the same", _manifest),
    "clip": ("a clip of a generated world as a film, to try a model on", _clip),
}

USAGE = """usage: dlh data COMMAND [OPTIONS]        dlh data COMMAND --help says more

{commands}

examples:
  dlh data prepare kth
  dlh data import my_videos --out my_store --size 64 --fps 10
  dlh data verify my_store
  dlh data inspect my_store --out grid.png
  dlh data manifest my_store --context 30 --horizon 300 --clips 100"""
