"""A folder of numbered pictures, read as a video."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.resize import Resizer
from dlh.data.video.retime import rate_of

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})


def image_files(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of the numbers in their names (2 before 10)."""
    files = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    ]
    return sorted(files, key=lambda path: natural_order(path.name))


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """A sorting key that compares the numbers within names as numbers."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


class ImageSequence:
    """The frames of a folder of pictures in one pass; see :class:`dlh.data.video.frames.Frames`."""

    def __init__(
        self, path: Path, *, height: int, width: int, channels: int, fps: float | None = None
    ) -> None:
        self.path = path
        self.files = image_files(path)
        if not self.files:
            raise DataError(
                f"{path} is a folder and holds no pictures ({', '.join(sorted(IMAGE_SUFFIXES))}); "
                "name one video file, or a folder with the pictures of one"
            )
        self.fps, self.notes = rate_of("pictures", fps)
        self.expected_frames: int | None = len(self.files)
        self.source_size: tuple[int, int] | None = None
        self._resizer = Resizer(height=height, width=width, channels=channels)

    def __iter__(self) -> Iterator[np.ndarray]:
        import av

        for number, path in enumerate(self.files):
            try:
                picture = _read(path)
            except DataError as error:
                if number == 0:
                    raise
                self.notes.append(f"only the first {number} frames: {error}")
                return
            self.source_size = self.source_size or (picture.shape[1], picture.shape[0])
            yield self._resizer(av.VideoFrame.from_ndarray(picture, format="rgba"))


def _read(path: Path) -> np.ndarray:
    """uint8 (height, width, 4), turned as the camera says."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            if image.mode.startswith(
                "I;16"
            ):  # Pillow would clip 16 bits at 255 instead of scaling them
                image = Image.fromarray((np.asarray(image, dtype=np.uint16) >> 8).astype(np.uint8))
            return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is not a picture that can be read ({error})") from error
