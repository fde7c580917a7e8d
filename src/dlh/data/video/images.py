"""A folder of numbered pictures, read as a video."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.frames import Pictures
from dlh.data.video.resize import Target

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


def open_images(folder: Path, target: Target) -> Pictures:
    """The pictures of a folder; DataError where it holds none."""
    files = image_files(folder)
    if not files:
        raise DataError(
            f"{folder} is a folder without pictures, expected some of "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}; name such a folder, or one video file"
        )

    def read() -> Iterator[np.ndarray]:
        for number, path in enumerate(files):
            try:
                yield _read(path)
            except DataError as error:
                if number == 0:
                    raise
                video.notes.append(f"only the first {number} frames: {error}")
                return

    video = Pictures(folder, target, read(), kind="pictures", expected_frames=len(files))
    return video


def _read(path: Path) -> np.ndarray:
    """uint8 (height, width, 4), turned as the camera says."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            # Pillow would clip 16 bits at 255 instead of scaling them
            if image.mode.startswith("I;16"):
                image = Image.fromarray((np.asarray(image, dtype=np.uint16) >> 8).astype(np.uint8))
            return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is not a picture that can be read ({error})") from error
