"""A stream of stored frames, one by one or in blocks, whatever it is read from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from dlh.data.video.resize import Resizer, Target

BLOCK_BYTES = 2**20
_ASSUMED_FPS = 25.0  # of pictures and arrays, which carry no frame rate; noted where it is assumed


class Frames:
    """Frames of one video, to be read once. A subclass has ``__iter__``, ``blocks``, or both.

    Reading raises :class:`DataError` where there is not a single frame.

    Attributes:
        path: the file or folder.
        target: the form of the frames.
        fps: frames a second of the frames given out; where the rate varies the mean, which is known
            when all was read.
        times: of each frame given out so far its time in seconds, by the file's own clock; of
            what has no clock counted from 0 at ``fps``.
        expected_frames: the number that the source announces, or None.
        source_size: (width, height) as displayed, known once the first frame was read.
        notes: damage and assumptions, for a person; complete when all was read.
    """

    def __init__(
        self, path: Path, target: Target, fps: float, expected_frames: int | None = None
    ) -> None:
        self.path, self.target, self.fps = path, target, fps
        self.expected_frames = expected_frames
        self.source_size: tuple[int, int] | None = None
        self.times: list[float] = []
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[np.ndarray]:
        """One frame at a time, uint8 (height, width, channel)."""
        for block in self.blocks(1):
            yield from block

    def blocks(self, count: int) -> Iterator[np.ndarray]:
        """All frames, uint8 (up to ``count``, height, width, channel), every array new."""
        block, filled = np.empty((count, *self.target.shape), np.uint8), 0
        for frame in self:
            block[filled] = frame
            filled += 1
            if filled == count:
                yield block
                block, filled = np.empty_like(block), 0
        if filled:
            yield block[:filled]


class Pictures(Frames):
    """Pictures without a frame rate of their own, such as those of an array, resized.

    Args:
        pictures: uint8 (height, width, 1, 3 or 4), read as they are asked for.
        kind: what they are called in the note that a frame rate was assumed; None makes no note.
        expected_frames: how many there are, if that is known.
    """

    def __init__(
        self,
        path: Path,
        target: Target,
        pictures: Iterable[np.ndarray],
        *,
        kind: str | None = None,
        expected_frames: int | None = None,
    ) -> None:
        super().__init__(path, target, float(target.rate or _ASSUMED_FPS), expected_frames)
        if target.rate is None and kind is not None:
            self.notes.append(f"{kind} have no frame rate; {_ASSUMED_FPS:g} a second assumed")
        self._pictures = pictures

    def __iter__(self) -> Iterator[np.ndarray]:
        import av

        resizer = Resizer(self.target)
        formats = {1: "gray", 3: "rgb24", 4: "rgba"}
        for picture in self._pictures:
            height, width, channels = picture.shape
            self.source_size = self.source_size or (width, height)
            pixels = np.ascontiguousarray(picture[..., 0] if channels == 1 else picture)
            self.times.append(len(self.times) / self.fps)
            yield resizer(av.VideoFrame.from_ndarray(pixels, format=formats[channels]))


def frames_in_block(target: Target) -> int:
    """The number of frames that make about a megabyte."""
    return max(1, BLOCK_BYTES // int(np.prod(target.shape)))
