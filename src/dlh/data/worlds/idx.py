"""IDX files of bytes, the format of MNIST: a magic number, the sizes, the values."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from dlh.data.clips import DataError
from dlh.data.reading import reading

_MOST_BYTES = 2**30
_GZIP = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str], *, shape: Sequence[int | None]) -> np.ndarray:
    """An IDX file of bytes, plain or gzipped, whichever its content says.

    Args:
        shape: the sizes that it must have; None where any will do. MNIST's images are
            ``(None, 28, 28)``, its labels ``(None,)``.

    Returns uint8 of that shape.

    Raises:
        DataError: no file, no IDX file, values that are not bytes, other sizes, more or fewer bytes
            than the sizes say.
    """
    path = Path(path)
    with reading(path), open(path, "rb") as file:
        zipped = file.read(2) == _GZIP
        file.seek(0)
        try:
            return _read(path, gzip.open(file) if zipped else file, shape)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{path} is a damaged gzip file ({error}); fetch it again") from None


def _read(path: Path, file: IO[bytes] | gzip.GzipFile, wanted: Sequence[int | None]) -> np.ndarray:
    magic = file.read(4)
    expected = bytes([0, 0, 8, len(wanted)])  # two zeros, the type uint8, the number of dimensions
    if magic != expected:
        raise DataError(
            f"{path} begins with {magic.hex(' ') or 'nothing'}, an IDX file of bytes in "
            f"{len(wanted)} dimensions with {expected.hex(' ')}; fetch the right file"
        )
    sizes = file.read(4 * len(wanted))
    if len(sizes) < 4 * len(wanted):
        raise DataError(f"{path} is cut off within its sizes; fetch it again")
    shape = struct.unpack(f">{len(wanted)}I", sizes)
    values = math.prod(shape)
    what = f"{path} is of {values:,} bytes in the sizes {shape}"
    if any(size not in (None, found) for found, size in zip(shape, wanted, strict=True)):
        sought = ", ".join("any" if size is None else str(size) for size in wanted)
        raise DataError(f"{what}, expected ({sought})")
    if values > _MOST_BYTES:  # memory is taken before the bytes are there
        raise DataError(f"{what}, expected at most {_MOST_BYTES:,} bytes; fetch it again")
    data = file.read(values + 1)
    if len(data) != values:
        found = f"only {len(data):,}" if len(data) < values else "more"
        raise DataError(f"{what} and holds {found}; fetch it again")
    return np.frombuffer(data, np.uint8).reshape(shape)
