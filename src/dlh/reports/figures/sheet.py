"""A sheet of paper for pictures and words in exact pixels; it needs Pillow only."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dlh.reports.figures import canvas

BORDER = 3
LINE = 22
"""Height of a line of text, pixels."""


class Sheet:
    """White, (height, width) pixels; positions are (x, y) from the upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width, height), canvas.PAPER)
        self._pen = ImageDraw.Draw(self._image)
        self._font = ImageFont.load_default(size=15)

    def write(
        self, corner: tuple[int, int], text: str, colour: str = canvas.INK, anchor: str = "la"
    ) -> None:
        """Text; ``anchor`` says which of its points lies at the corner, as in Pillow."""
        self._pen.text(corner, text, fill=colour, font=self._font, anchor=anchor)

    def fill(self, left: int, top: int, right: int, bottom: int, colour: str) -> None:
        """A filled box, both ends included; nothing where it is empty."""
        if right >= left and bottom >= top:
            self._pen.rectangle((left, top, right, bottom), fill=colour)

    def picture(self, corner: tuple[int, int], frame: np.ndarray, scale: int, colour: str) -> None:
        """A frame, uint8 (height, width, 3), a pixel becoming scale x scale, in a border."""
        x, y = corner
        large = Image.fromarray(frame.repeat(scale, 0).repeat(scale, 1))
        right, bottom = x + large.width + 2 * BORDER - 1, y + large.height + 2 * BORDER - 1
        self.fill(x, y, right, bottom, colour)
        self._image.paste(large, (x + BORDER, y + BORDER))

    def pixels(self) -> np.ndarray:
        """uint8 (height, width, 3)."""
        return np.asarray(self._image)

    def png(self) -> bytes:
        """PNG bytes."""
        buffer = io.BytesIO()
        self._image.save(buffer, format="PNG")
        return buffer.getvalue()
