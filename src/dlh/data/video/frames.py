"""A stream of stored frames, one by one or in blocks, whatever it is read from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

BLOCK_BYTES = 2**20


class Frames(Protocol):
    """Stored frames in one pass.

    Attributes:
        path: the file or folder.
        fps: frames a second of the frames given out.
        expected_frames: the number that the source announces, or None.
        source_size: (width, height) as displayed, known once the first frame was read.
        notes: damage and assumptions, for a person; complete when the pass is.
    """

    path: Path
    fps: float
    expected_frames: int | None
    source_size: tuple[int, int] | None
    notes: list[str]

    def __iter__(self) -> Iterator[np.ndarray]:
        """uint8 (height, width, channel), one at a time; :class:`DataError` if there is none."""
        ...


@runtime_checkable
class InBlocks(Protocol):
    """A stream that gives several frames at once for less than one by one."""

    def blocks(self, count: int) -> Iterator[np.ndarray]:
        """All frames in order, uint8 (up to ``count``, height, width, channel), every array new."""
        ...


def blocks(stream: Frames, item_shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """The frames of a stream as uint8 (frames, *item_shape), about a megabyte each."""
    count = max(1, BLOCK_BYTES // int(np.prod(item_shape)))
    if isinstance(stream, InBlocks):
        yield from stream.blocks(count)
        return
    block, filled = np.empty((count, *item_shape), np.uint8), 0
    for frame in stream:
        block[filled] = frame
        filled += 1
        if filled == count:
            yield block
            block, filled = np.empty_like(block), 0
    if filled:
        yield block[:filled]
