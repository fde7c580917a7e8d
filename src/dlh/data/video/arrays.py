"""Videos in array files, streamed: an array of any length takes the memory of a few frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.array_file import ARRAY_SUFFIXES, DAMAGE, ArrayFile
from dlh.data.video.resize import Resizer
from dlh.data.video.retime import rate_of

_OF_SEVERAL = ARRAY_SUFFIXES | {".tfrecord"}  # files that hold several videos


class ArrayVideo:
    """The frames of one clip of an array file; see :class:`dlh.data.video.frames.Frames`.

    The file is closed after the pass over its last clip.
    """

    def __init__(
        self,
        path: Path,
        array: ArrayFile,
        clip: int = 0,
        *,
        height: int,
        width: int,
        channels: int,
        fps: float | None = None,
    ) -> None:
        self.path = path
        self.fps, notes = rate_of("arrays", fps)
        self.notes = notes if clip == 0 else []  # once for a file, not for each of its clips
        self.expected_frames: int | None = array.layout.length
        self.source_size: tuple[int, int] | None = (array.layout.width, array.layout.height)
        self._array = array
        self._clip = clip
        self._resizer = Resizer(height=height, width=width, channels=channels)

    def __iter__(self) -> Iterator[np.ndarray]:
        import av

        pixel_format = "gray" if self._array.layout.channels == 1 else "rgb24"
        number = 0
        try:
            for frame in self._array.frames(self._clip):
                pixels = np.ascontiguousarray(self._stored(frame, number))
                if pixel_format == "gray":
                    pixels = pixels[..., 0]
                yield self._resizer(av.VideoFrame.from_ndarray(pixels, format=pixel_format))
                number += 1
        except DataError:
            raise
        except DAMAGE as error:
            if number == 0:
                raise DataError(f"{self.path}: not a single frame can be read ({error})") from error
            self.notes.append(
                f"damaged at frame {number}: only the frames before it are used ({error})"
            )
        finally:
            if self._clip == self._array.layout.clips - 1:
                self._array.close()

    def _stored(self, frame: np.ndarray, number: int) -> np.ndarray:
        """uint8; a float of 1 is 255."""
        if frame.dtype == np.uint8:
            return frame
        low, high = float(frame.min()), float(frame.max())
        if not (low >= 0 and high <= 1):  # so that NaN, of which nothing is true, ends here too
            found = "NaN" if low != low else f"values from {low:g} to {high:g}"
            raise DataError(
                f"{self.path}: frame {number} holds {found}; floats lie in [0, 1]: rescale them, "
                "or store uint8"
            )
        return np.rint(frame.astype(np.float32) * 255).astype(np.uint8)


def clip_name(file: str, clip: int) -> str:
    """The name of one clip of a file that holds several."""
    return f"{file}#{clip}"


def file_of(name: str) -> str:
    """The file that a video is of: all clips of a file lie on one side of a split."""
    file, mark, clip = name.rpartition("#")
    several = mark and clip.isdecimal() and Path(file).suffix.lower() in _OF_SEVERAL
    return file if several else name
