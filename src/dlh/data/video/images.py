"""Pictures read as a video: numbered ones of a folder, or all pages of one file."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.arrays import stored
from dlh.data.video.frames import Pictures
from dlh.data.video.resize import Target

if TYPE_CHECKING:
    from PIL import Image

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
PAGED_SUFFIXES = frozenset({".webp", ".tif", ".tiff"})
"""Of pictures that may have several pages: a stack of a microscope, an animation."""


def image_files(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of the numbers in their names (2 before 10); without
    those that are videos by themselves.
    """
    files = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
        and not has_pages(path)
    ]
    return sorted(files, key=lambda path: natural_order(path.name))


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """A sorting key that compares the numbers within names as numbers."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


def has_pages(path: Path) -> bool:
    """Whether a picture is a video by itself: it has several pages of one size.

    A file that cannot be read has none; reading it says why.
    """
    if path.suffix.lower() not in PAGED_SUFFIXES:
        return False
    try:
        return len(_pages_of_one_size(path)) > 1
    except DataError:
        return False


def open_images(folder: Path, target: Target) -> Pictures:
    """The pictures of a folder; DataError where it holds none."""
    files = image_files(folder)
    if not files:
        raise DataError(
            f"{folder} is a folder without pictures, expected some of "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}; name such a folder, or one video file"
        )

    def read() -> Iterator[np.ndarray]:
        for path in files:
            with _opened(path) as image:
                yield _pixels(image, path)

    video = Pictures(folder, target, (), kind="pictures", expected_frames=len(files))
    video.pictures = _up_to_damage(read(), video.notes)
    return video


def open_pages(path: Path, target: Target) -> Pictures:
    """The pages of one picture, such as a stack of TIFF or an animated WebP, as a video.

    Raises:
        DataError: the file cannot be read.
    """
    pages = _pages_of_one_size(path)

    def read() -> Iterator[np.ndarray]:
        with _opened(path) as image:
            for page in pages:
                with _as_data_error(path):
                    image.seek(page)
                yield _pixels(image, path)

    video = Pictures(
        path, target, (), kind="pages", expected_frames=len(pages), delays=_delays(path, pages)
    )
    video.pictures = _up_to_damage(read(), video.notes)
    return video


def _up_to_damage(pictures: Iterator[np.ndarray], notes: list[str]) -> Iterator[np.ndarray]:
    """The pictures before one that cannot be read, which is noted; an error if it is the first."""
    number = 0
    try:
        for picture in pictures:
            yield picture
            number += 1
    except DataError as error:
        if number == 0:
            raise
        notes.append(f"only the first {number} frames: {error}")


def _pages_of_one_size(path: Path) -> list[int]:
    """The numbers of the pages that are as large as the first; others are thumbnails of it."""
    with _opened(path) as image, _as_data_error(path):
        sizes = {}
        for page in range(getattr(image, "n_frames", 1)):
            image.seek(page)
            sizes[page] = image.size
        return [page for page, size in sizes.items() if size == sizes[0]]


def _delays(path: Path, pages: list[int]) -> list[Fraction] | None:
    """The seconds that each page is shown; None where the file does not say."""
    delays = []
    with _opened(path) as image, _as_data_error(path):
        if image.format != "WEBP":
            return None
        for page in pages:
            image.seek(page)
            image.load()  # only then Pillow knows
            delays.append(Fraction(image.info.get("duration", 0), 1000))
    return delays if all(delays) else None


@contextmanager
def _as_data_error(path: Path) -> Generator[None]:
    """Within it what Pillow raises for a damaged picture is a :class:`DataError`."""
    from PIL import Image

    try:
        yield
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is not a picture that can be read ({error})") from error


@contextmanager
def _opened(path: Path) -> Generator[Image.Image]:
    from PIL import Image

    with _as_data_error(path):
        image = Image.open(path)
    with image:
        yield image


def _pixels(image: Image.Image, path: Path) -> np.ndarray:
    """uint8 (height, width, 4), turned as the camera says; grey (height, width, 1) of floats.

    Raises:
        DataError: the values have no known range.
    """
    from PIL import Image, ImageOps

    with _as_data_error(path):
        # Pillow would clip these at 255 instead of scaling them.
        if image.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(image, dtype=np.uint16) >> 8).astype(np.uint8))
        if image.mode == "I":
            values = np.asarray(image)
            raise DataError(
                f"{path} holds 32-bit integers from {values.min()} to {values.max()}, whose range "
                "is unknown; save 8 or 16 bits a pixel, or floats in [0, 1]"
            )
        if image.mode == "F":
            return stored(np.asarray(image)[..., None], str(path))
        return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))
