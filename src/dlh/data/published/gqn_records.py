"""The GQN mazes as their authors published them: TFRecord files of JPEG frames.

The format, according to the reader that the authors published with the files: a record is a
``tf.train.Example`` of one maze; its feature ``frames`` is a list of JPEG pictures (300 of 84 x
84 in colour), its feature ``cameras`` five floats for each. That the frames of a maze are
successive moments of one walk, in this order, is what those who made films of them took them for.
The positions of the camera are not used here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dlh.data.clips import DataError
from dlh.data.published.tfrecord import Record, bytes_feature, read_records
from dlh.data.video.frames import Pictures
from dlh.data.video.resize import Target

FEATURE = "frames"
_MOST_PIXELS = 2**22  # of one frame: a few bytes of header could ask for any amount of memory


def open_gqn_records(path: Path, target: Target) -> Iterator[tuple[int | None, Pictures]]:
    """Every maze of a file as (number, frames); see :func:`dlh.data.video.decode.open_clips`.

    A record whose checksum is wrong is given too, and is an error when it is read; those after it
    can still be found.

    Raises:
        DataError: see :func:`dlh.data.published.tfrecord.read_records`.
    """
    for number, record in enumerate(read_records(path)):
        kind = "records" if number == 0 else None  # one note for a file, not one for each record
        yield number, Pictures(path, target, _read(path, record), kind=kind)


def _read(path: Path, record: Record) -> Iterator[np.ndarray]:
    if not record.intact:
        raise DataError(f"{path}: the checksum of the record is wrong; it is damaged")
    try:
        pictures = bytes_feature(record.data, FEATURE)
    except DataError as error:
        raise DataError(f"{path}: the record {error}") from None
    if not pictures:
        raise DataError(f"{path}: the record has no pictures in its feature {FEATURE!r}")
    size = None
    for number, jpeg in enumerate(pictures):
        try:
            frame = _decoded(jpeg, size)
        except (OSError, ValueError, SyntaxError) as error:
            raise DataError(
                f"{path}: frame {number} of the record is not a JPEG picture of the others' size "
                f"({error})"
            ) from None
        size = (frame.shape[1], frame.shape[0])
        yield frame


def _decoded(jpeg: bytes, size: tuple[int, int] | None) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        if image.width * image.height > _MOST_PIXELS:
            raise ValueError(f"found {image.size} pixels, at most {_MOST_PIXELS:,} are read")
        if size is not None and image.size != size:
            raise ValueError(f"found {image.size} pixels, those before it have {size}")
        return np.asarray(image.convert("RGB"))
