"""The options of ``dlh data``, each checked when it is made; see :mod:`dlh.commands.options`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dlh.commands.options import Flag, Key, Layout, Scale, at_least
from dlh.errors import UsageError

StorePath = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STORE")]


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """List the data sets that have a name: contents, size, licence, and which are prepared.

    example:  dlh data list --root data
    """

    root: Path | None = None
    """ROOT, the folder of all data sets; default: $DLH_DATA, or data in the cache."""


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Download a data set and make a clip store of it. Files that you put into ROOT/NAME yourself,
    packed or unpacked, are not downloaded. The same command continues after an interruption.

    example:  dlh data prepare kth --root data
    """

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """A name that dlh data list shows."""
    root: Path | None = None
    """ROOT, the folder of all data sets; default: $DLH_DATA, or data in the cache."""
    size: int = 64
    """Height and width of the frames in pixels."""
    no_validation: Flag = False
    """Train on all published training files; otherwise a part of them is for validation."""
    videos: tuple[int, int, int] | None = None
    """Videos for training, validation and test; only for vizdoom-mazes, which are generated."""
    clip_length: int = 100
    """Length of a clip, frames; the report counts the clips of this length."""

    def __post_init__(self) -> None:
        at_least(1, self, "size", "clip_length")
        if self.videos is not None and (min(self.videos) < 0 or self.videos[0] < 1):
            raise UsageError(
                "videos are counted for train, validation and test, at least one to train; found "
                f"{' '.join(map(str, self.videos))}"
            )


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Decode videos once, into a clip store that is read as fast as memory. Reports for every file
    whether it was used. The same command continues an interrupted import.

    example:  dlh data import my_videos --out my_store --size 64 --fps 10
    """

    path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PATH")]
    """A folder of videos, searched with its subfolders; one video; or the folder of a data set of
    LeRobot or Minari, of which each episode is a video."""
    out: Path
    """The store, a folder that does not exist yet."""
    size: int = 64
    """Height and width of the frames in pixels; a model takes multiples of 16."""
    fps: float | None = None
    """Frames per second of the store; default: keep every frame."""
    crop: tuple[int, int, int, int] | None = None
    """The part of each frame that is stored, X Y WIDTH HEIGHT in its pixels; default: all of it."""
    key: Key = None
    layout: Layout = None
    scale: Scale = None
    fit: Literal["squash", "pad"] = "squash"
    """Squash frames to a square, or pad them with black so that they keep their shape."""
    grey: Flag = False
    """Store grey frames, one channel instead of three."""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of files for training, validation and test. Files and folders called train, val,
    valid, validation or test are taken at their word instead."""
    split_file: Path | None = None
    """A text with a line for each file, its split and its path, such as `test walks/3.mp4`."""
    seed: int = 0
    """Decides the split of each file."""
    clip_length: int = 100
    """Length of a clip, frames; the report counts the clips of this length."""

    def __post_init__(self) -> None:
        at_least(1, self, "size", "clip_length")
        at_least(0, self, "seed")


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """Compare all files of a store with its index: sizes, headers, and the checksum of every video.
    Of a manifest, compare every clip. The exit status is 1 if anything differs.

    example:  dlh data verify my_store
    """

    store: StorePath
    """A store that dlh data import made, the name of a prepared data set, or a manifest."""
    data: str | None = None
    """For a manifest: the store that has its clips, or the digits; default: what the manifest
    names."""


@dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """Show what is in a store: a table, a picture (a row of frames for each of some videos) and a
    short film of these videos.

    example:  dlh data inspect my_store --out grid.png
    """

    store: StorePath
    """A store that dlh data import made, or the name of a prepared data set."""
    out: Path = Path("grid.png")
    """The picture; the film goes beside it as .mp4."""
    clip_length: int = 100
    """Length of a clip, frames; the report counts the clips of this length."""
    overwrite: Flag = False
    """Replace a picture and a film that exist."""

    def __post_init__(self) -> None:
        at_least(1, self, "clip_length")


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """Write a clip of a generated world as a film, to try a model on. It is a test clip, so no run
    is trained on it. Prints the frames at which the colour changes.

    example:  dlh data clip moving-ball --out ball.mp4
    """

    preset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET")]
    """The preset whose world it is: moving-ball (of the shipped model of that name), textured-room,
    two-clocks, bouncing-ball, moving-ball-paper or tiny."""
    frames: int = 130
    """Frames of the clip; 130 suffices to observe 30 and predict 100."""
    number: int = 0
    """Number of the clip in the test split, from 0."""
    out: Path = Path("clip.mp4")
    """The film."""
    overwrite: Flag = False
    """Replace a film that exists."""

    def __post_init__(self) -> None:
        at_least(1, self, "frames")
        at_least(0, self, "number")
