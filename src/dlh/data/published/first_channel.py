"""Grey videos that were saved in colour."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dlh.data.video.decode import open_clips
from dlh.data.video.frames import Frames, blocks


def open_first_channel(
    path: Path, *, height: int, width: int, channels: int, fps: float | None = None
) -> Iterator[tuple[int | None, Frames]]:
    """The videos of a file, grey by their first channel, which is what the field reads."""
    assert channels == 1
    shape = (height, width, 3)
    for clip, stream in open_clips(path, height=height, width=width, channels=3, fps=fps):
        yield clip, _FirstChannel(stream, shape)


class _FirstChannel:
    """Another stream's first channel; see :class:`dlh.data.video.frames.Frames`."""

    def __init__(self, stream: Frames, shape: tuple[int, int, int]) -> None:
        self._stream = stream
        self._shape = shape
        self.path = stream.path
        self.fps = stream.fps
        self.expected_frames = stream.expected_frames
        self.source_size: tuple[int, int] | None = None
        self.notes = stream.notes  # the same list: it is complete when the pass is

    def __iter__(self) -> Iterator[np.ndarray]:
        for frame in self._stream:
            self.source_size = self._stream.source_size
            yield frame[..., :1]

    def blocks(self, count: int) -> Iterator[np.ndarray]:
        """See :class:`dlh.data.video.frames.InBlocks`."""
        for block in blocks(self._stream, self._shape):
            self.source_size = self._stream.source_size
            yield np.ascontiguousarray(block[..., :1])
