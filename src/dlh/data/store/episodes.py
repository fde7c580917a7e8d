"""Data sets of recorded episodes, of LeRobot and of Minari: each episode is a video.

Their actions, states and rewards are ignored: a model here sees frames only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dlh.data.clips import DataError
from dlh.data.reading import reading
from dlh.data.store.discover import Found, SourceFile
from dlh.data.store.read_ahead import Opened
from dlh.data.video.arrays import ArrayForm
from dlh.data.video.frames import Frames
from dlh.data.video.lerobot import LeRobot
from dlh.data.video.minari_data import MinariData
from dlh.data.video.resize import Target


class EpisodeFile(SourceFile):
    """An episode, which may share its files with others; its path is a name and no file."""

    def sha256(self) -> str:
        """SHA-256 of its files, and of which part of them it is."""
        digest = hashlib.sha256(self.name.encode())
        for file in self.files:
            with reading(file):
                written = file.stat().st_mtime_ns
            digest.update(_sha256(self.path.parent, file, written))
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """The episodes of a data set.

    Attributes:
        root: its folder.
        sources: the episodes.
        frames: opens an episode, by its number.
        said: what was recognised, and what is ignored.
    """

    root: Path
    sources: Sequence[EpisodeFile]
    frames: Callable[[int, Target], Frames]
    said: str

    def found(self) -> Found:
        """As a search through a folder gives files."""
        return Found(sources=tuple(self.sources))

    def open(self, path: Path, target: Target) -> Opened:
        """The episode of that path; the first of a data set says what was recognised."""
        frames = self.frames(int(path.name.rpartition("_")[2]), target)
        if path == self.sources[0].path:
            frames.notes.insert(0, self.said)
        yield None, frames


def open_episodes(root: Path, form: ArrayForm) -> Episodes | None:
    """A data set of LeRobot or Minari; None where the folder is none.

    Args:
        root: the folder.
        form: what is known; its ``key`` names the camera.

    Raises:
        DataError: it cannot be read, has no such camera or no episode, or needs a package that is
            not installed (code "missing-extra").
    """
    data: LeRobot | MinariData
    if LeRobot.is_at(root):
        data = LeRobot.open(root, camera=form.key)
    elif MinariData.is_at(root):
        data = MinariData.open(root, form)
    else:
        return None
    sources = []
    for number, files in data.files().items():
        name = f"episode_{number:06d}"
        sources.append(EpisodeFile(name=name, path=root / name, files=files))
    if not sources:
        raise DataError(f"{root} holds no episode; expected at least one")
    return Episodes(root=root, sources=sources, frames=data.frames, said=data.said)


@cache
def _sha256(root: Path, file: Path, written: int) -> bytes:
    """Of a file as it was at that time; episodes that share it do not read it again."""
    return bytes.fromhex(SourceFile(name=file.name, path=root, files=(file,)).sha256())
