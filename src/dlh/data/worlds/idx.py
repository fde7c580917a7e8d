"""IDX files, the format of MNIST: a magic number, the sizes, the values."""

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

_TYPES = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
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
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == _GZIP
            file.seek(0)
            if not zipped:
                return _read(path, file, shape)
            with gzip.open(file) as unzipped:
                return _read(path, unzipped, shape)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is a damaged gzip file ({error}); fetch it again") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def _read(path: Path, file: IO[bytes] | gzip.GzipFile, wanted: Sequence[int | None]) -> np.ndarray:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise DataError(
            f"{path} is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}, such a file "
            "with 00 00, the type of its values (08 to 0e) and the number of its dimensions"
        )
    dtype, dimensions = _TYPES[magic[2]], magic[3]
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(f"{path} is cut off within its sizes; fetch it again")
    shape = struct.unpack(f">{dimensions}I", sizes)
    fits = len(shape) == len(wanted) and all(
        size is None or size == found for found, size in zip(shape, wanted, strict=True)
    )
    if dtype != np.uint8 or not fits:
        sought = ", ".join("any" if size is None else str(size) for size in wanted)
        raise DataError(
            f"{path} holds {dtype.name} {_in_words(shape)}; wanted are uint8 ({sought})"
        )
    values = math.prod(shape)
    if values > _MOST_BYTES:  # memory is taken before the bytes are there
        raise DataError(
            f"{path} says {_in_words(shape)}, which is {values:,} bytes; no file of digits is that "
            "large"
        )
    data = file.read(values + 1)
    if len(data) != values:
        found = f"only {len(data):,}" if len(data) < values else "more"
        raise DataError(
            f"{path} says {_in_words(shape)}, which is {values:,} bytes, and holds {found}; fetch "
            "it again"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)


def _in_words(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})"
