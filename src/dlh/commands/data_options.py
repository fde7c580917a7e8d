"""The options of ``dlh data``, each checked when it is made; see :mod:`dlh.commands.options`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dlh.commands.options import Flag, at_least
from dlh.errors import UsageError

StorePath = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STORE")]


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """The data sets that have a name: what they are, how large, under what licence, and which of
    them are here.

    example:  dlh data list --root data
    """

    root: Path | None = None
    """The folder of all data sets; default: DLH_DATA, or a folder in the cache."""


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Fetch a data set and make a clip store of it. Files that you have are used instead: put
    them, packed or unpacked, into DIR/NAME. If interrupted, repeat the command to continue.

    example:  dlh data prepare kth --root data
    """

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """One of those that dlh data list shows."""
    root: Path | None = None
    """The folder of all data sets; default: DLH_DATA, or a folder in the cache."""
    size: int = 64
    """Height and width of the frames in pixels."""
    no_validation: Flag = False
    """Train on all published training files; otherwise a part of them is for validation."""
    videos: tuple[int, int, int] | None = None
    """How many to train, to validate and to test; of vizdoom-mazes, which are made here."""
    clip_length: int = 100
    """Frames of the clips that the report counts."""

    def __post_init__(self) -> None:
        at_least(1, self, "size", "clip_length")
        if self.videos is not None and (min(self.videos) < 0 or self.videos[0] < 1):
            raise UsageError(
                "videos are counted for train, validation and test, at least one to train; found "
                f"{' '.join(map(str, self.videos))}"
            )


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Decode videos once, into a clip store that is read as fast as memory; reports what became of
    every file. An interrupted import continues with the same command.

    example:  dlh data import my_videos --out my_store --size 64 --fps 10
    """

    path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PATH")]
    """A folder of videos (folders in it are searched too), or one video."""
    out: Path
    """The store, a folder that does not exist yet."""
    size: int = 64
    """Height and width of the frames in pixels; a model takes multiples of 16."""
    fps: float | None = None
    """Bring all to this many frames a second; default: keep every frame."""
    crop: tuple[int, int, int, int] | None = None
    """The part of each frame that is stored, X Y WIDTH HEIGHT in its pixels; default: all of it."""
    fit: Literal["squash", "pad"] = "squash"
    """Squash frames to a square, or pad them with black so that they keep their shape."""
    grey: Flag = False
    """One channel instead of three."""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of files for training, validation and test. Files and folders called train, val,
    valid, validation or test are taken at their word instead."""
    split_file: Path | None = None
    """A text with a line for each file, its split and its path, such as `test walks/3.mp4`."""
    seed: int = 0
    """Decides which file goes where."""
    clip_length: int = 100
    """Frames of the clips that the report counts."""

    def __post_init__(self) -> None:
        at_least(1, self, "size", "clip_length")
        at_least(0, self, "seed")


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """Read a whole store and compare its index, the sizes of its files and the checksum of every
    video, or all clips that a manifest names. The exit status is 1 if anything differs.

    example:  dlh data verify my_store
    """

    store: StorePath
    """A store that dlh data import made, the name of a prepared data set, or a manifest."""
    data: str | None = None
    """Of a manifest: the store its clips are in, or the digits that move; default: what the
    manifest names."""


@dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """What is in a store, as a table, a picture (a row of frames for each of some videos) and a
    short film of these videos.

    example:  dlh data inspect my_store --out grid.png
    """

    store: StorePath
    """A store that dlh data import made, or the name of a prepared data set."""
    out: Path = Path("grid.png")
    """The picture; the film goes beside it as .mp4."""
    clip_length: int = 100
    """Frames of the clips that the report counts."""

    def __post_init__(self) -> None:
        at_least(1, self, "clip_length")


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """A clip of a generated world as a film, to try a model of it on: one that no run is trained
    on. Prints the frames at which the colour changes.

    example:  dlh data clip moving-ball --out ball.mp4
    """

    preset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET")]
    """Whose world: moving-ball, which the shipped model of that name knows, textured-room,
    two-clocks, bouncing-ball, moving-ball-paper or tiny."""
    frames: int = 130
    """Its length: 30 to watch and 100 to predict."""
    number: int = 0
    """Which clip of the test split."""
    out: Path = Path("clip.mp4")
    """The film."""

    def __post_init__(self) -> None:
        at_least(1, self, "frames")
        at_least(0, self, "number")
