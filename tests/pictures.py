"""Pictures read back: their pixels, and where a colour is."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageColor


def pixels(png: bytes) -> np.ndarray:
    """(height, width, 3), whole numbers that can be subtracted."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def where_is(picture: np.ndarray, colour: str, tolerance: int = 6) -> np.ndarray:
    """(height, width): pixels of about that colour."""
    return (abs(picture - ImageColor.getrgb(colour)) <= tolerance).all(2)
