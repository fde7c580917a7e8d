"""Grey videos that were saved in colour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from dlh.data.video.decode import open_clips
from dlh.data.video.frames import Frames
from dlh.data.video.resize import Target


def open_first_channel(path: Path, target: Target) -> Iterator[tuple[int | None, Frames]]:
    """The videos of a file, grey by their first channel, which is what the field reads."""
    assert target.channels == 1
    for clip, frames in open_clips(path, replace(target, channels=3)):
        yield clip, _FirstChannel(frames, target)


class _FirstChannel(Frames):
    def __init__(self, frames: Frames, target: Target) -> None:
        super().__init__(frames.path, target, frames.fps, frames.expected_frames)
        self.notes = frames.notes  # the same list: it is complete when the pass is
        self._frames = frames

    def blocks(self, count: int) -> Iterator[np.ndarray]:
        for block in self._frames.blocks(count):
            self.source_size = self._frames.source_size
            yield np.ascontiguousarray(block[..., :1])
