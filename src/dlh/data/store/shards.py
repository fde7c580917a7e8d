"""``.npy`` files that grow at their end: their final length is not known when they are begun."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

HEADER_BYTES = 128


def npy_header(shape: tuple[int, ...]) -> bytes:
    """A ``.npy`` header (format 1.0) of always 128 bytes: it can be written again in place."""
    text = repr({"descr": "|u1", "fortran_order": False, "shape": shape})
    start = b"\x93NUMPY\x01\x00" + (HEADER_BYTES - 10).to_bytes(2, "little")
    return start + text.encode("ascii").ljust(HEADER_BYTES - 11) + b"\n"


class ShardFile:
    """One ``.npy`` array, uint8 (items, *item_shape), that grows at its end; memory does not grow
    with it.

    Args:
        items: how many of those already in the file to keep; the rest is cut off.
    """

    def __init__(self, path: Path, item_shape: tuple[int, ...], *, items: int = 0) -> None:
        self._item_shape = item_shape
        self._item_bytes = int(np.prod(item_shape))
        # Unbuffered: a disk that is full is then met here, not when the file is closed.
        self._path = path
        self._file = open(path, "r+b" if path.exists() else "w+b", buffering=0)  # noqa: SIM115
        self.rewind(items)

    def rewind(self, items: int) -> None:
        """Cuts off what comes after the first ``items``."""
        self.items = items
        self._file.truncate(HEADER_BYTES + items * self._item_bytes)
        self._file.seek(0, os.SEEK_END)

    def append(self, block: np.ndarray) -> None:
        """Writes (n, *item_shape) at the end."""
        assert block.shape[1:] == self._item_shape and block.dtype == np.uint8
        rest = np.ascontiguousarray(block).data.cast("B")
        while rest:  # an unbuffered write may take a part only
            rest = rest[self._file.write(rest) :]
        self.items += len(block)

    def finish(self) -> None:
        """Writes the header, makes sure that the disk has all, and closes; removes an empty one."""
        if self.items == 0:
            self._file.close()
            self._path.unlink()
            return
        self._file.seek(0)
        self._file.write(npy_header((self.items, *self._item_shape)))
        os.fsync(self._file.fileno())
        self._file.close()

    def close(self) -> None:
        """Closes as it is; a later build may go on from here."""
        self._file.close()
