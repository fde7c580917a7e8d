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
from itertools import count
from pathlib import Path

import numpy as np

from dlh.data.clips import DataError
from dlh.data.published.tfrecord import Record, bytes_feature, read_records
from dlh.data.video.resize import Resizer
from dlh.data.video.retime import rate_of

FEATURE = "frames"
_MOST_PIXELS = 2**22  # of one frame: a few bytes of header could ask for any amount of memory


def open_gqn_records(
    path: Path, *, height: int, width: int, channels: int, fps: float | None = None
) -> Iterator[tuple[int | None, GQNVideo]]:
    """Every maze of a file as (number, frames); see :func:`dlh.data.video.decode.open_clips`.

    A record whose checksum is wrong is given too, and says so when it is read; those after it can
    still be found.

    Raises:
        DataError: see :func:`dlh.data.published.tfrecord.read_records`.
    """
    records = read_records(path)
    for number in count():
        record = next(records, None)
        if record is None:
            return
        yield (
            number,
            GQNVideo(path, record, number, height=height, width=width, channels=channels, fps=fps),
        )


class GQNVideo:
    """The frames of one maze; see :class:`dlh.data.video.frames.Frames`."""

    def __init__(
        self,
        path: Path,
        record: Record,
        number: int,
        *,
        height: int,
        width: int,
        channels: int,
        fps: float | None = None,
    ) -> None:
        self.path = path
        self.fps, notes = rate_of("records", fps)
        self.notes = notes if number == 0 else []  # once for a file, not for each record
        self.expected_frames: int | None = None
        self.source_size: tuple[int, int] | None = None
        self._record = record
        self._resizer = Resizer(height=height, width=width, channels=channels)

    def __iter__(self) -> Iterator[np.ndarray]:
        import av

        if not self._record.intact:
            raise DataError(f"{self.path}: the checksum of the record is wrong; it is damaged")
        try:
            pictures = bytes_feature(self._record.data, FEATURE)
        except DataError as error:
            raise DataError(f"{self.path}: the record {error}") from None
        if not pictures:
            raise DataError(f"{self.path}: the record has no pictures in its feature {FEATURE!r}")
        self.expected_frames = len(pictures)
        for number, jpeg in enumerate(pictures):
            pixels = self._decoded(jpeg, number)
            yield self._resizer(av.VideoFrame.from_ndarray(pixels, format="rgb24"))

    def _decoded(self, jpeg: bytes, number: int) -> np.ndarray:
        from PIL import Image

        try:
            with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise ValueError(f"{image.width} x {image.height} pixels are too many")
                self.source_size = self.source_size or image.size
                if image.size != self.source_size:
                    raise ValueError(
                        f"it is {image.width} x {image.height}, those before it "
                        f"{self.source_size[0]} x {self.source_size[1]}"
                    )
                return np.asarray(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError) as error:
            raise DataError(
                f"{self.path}: frame {number} of the record is no JPEG picture that can be used "
                f"({error})"
            ) from None
