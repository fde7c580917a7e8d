"""Frames gathered to blocks of about a megabyte, as which they are handed on and written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from dlh.data.video.decode import Frames

_BLOCK_BYTES = 2**20


@runtime_checkable
class InBlocks(Protocol):
    """A stream of frames that can give several at once, and does so at less cost."""

    def blocks(self, count: int) -> Iterator[np.ndarray]:
        """All frames in order, uint8 (up to ``count``, height, width, channel), every array new."""
        ...


def blocks(stream: Frames, item_shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """The frames of a stream as uint8 (frames, *item_shape), about a megabyte each."""
    count = max(1, _BLOCK_BYTES // int(np.prod(item_shape)))
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
