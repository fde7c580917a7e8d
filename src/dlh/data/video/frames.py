"""A stream of stored frames, one by one or in blocks, whatever it is read from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np

from dlh.data.video.resize import Resizer, Target
from dlh.data.video.retime import retime

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
        source_fps: frames a second of the source, by its first frames; None where it has no rate.
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
        self.source_fps: float | None = None
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
    """Pictures of a folder, an array or an animation, resized.

    Attributes:
        pictures: uint8 (height, width, 1, 3 or 4), read as they are asked for.

    Args:
        kind: what they are called in the note that a frame rate was assumed; None makes no note.
        expected_frames: how many there are, if that is known.
        delays: the seconds that each is shown; None where nobody knows, and then all are kept.
    """

    def __init__(
        self,
        path: Path,
        target: Target,
        pictures: Iterable[np.ndarray],
        *,
        kind: str | None = None,
        expected_frames: int | None = None,
        delays: Sequence[Fraction] | None = None,
    ) -> None:
        own = _ASSUMED_FPS if delays is None else float(len(delays) / sum(delays))
        super().__init__(path, target, float(target.rate or own), expected_frames)
        if target.rate is None and kind is not None:
            if delays is None:
                self.notes.append(f"{kind} have no frame rate; {own:g} a second assumed")
            elif len(set(delays)) > 1:
                self.notes.append(
                    f"the frame rate varies; give a frame rate (--fps) to re-time the {kind}"
                )
        self.source_fps = None if delays is None else own
        self.pictures, self._delays = pictures, delays

    def __iter__(self) -> Iterator[np.ndarray]:
        import av

        resizer = Resizer(self.target)
        formats = {1: "gray", 3: "rgb24", 4: "rgba"}
        for time, picture in self._timed():
            height, width, channels = picture.shape
            self.source_size = self.source_size or (width, height)
            pixels = np.ascontiguousarray(picture[..., 0] if channels == 1 else picture)
            self.times.append(time)
            yield resizer(av.VideoFrame.from_ndarray(pixels, format=formats[channels]))

    def _timed(self) -> Iterator[tuple[float, np.ndarray]]:
        if self._delays is None:
            for number, picture in enumerate(self.pictures):
                yield number / self.fps, picture
            return
        delays = self._delays
        timed = zip(accumulate(delays[:-1], initial=Fraction(0)), self.pictures, strict=False)
        if (rate := self.target.rate) is not None:
            timed = retime(timed, fps=rate, lasts=lambda: delays[-1], notes=self.notes)
        for time, picture in timed:
            yield float(time), picture


def frames_in_block(target: Target) -> int:
    """The number of frames that make about a megabyte."""
    return max(1, BLOCK_BYTES // int(np.prod(target.shape)))
