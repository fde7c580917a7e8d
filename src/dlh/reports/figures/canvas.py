"""What all pictures share: the palette, a figure for plots, a sheet for pixels, frames as RGB."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion, told apart by every kind of eye; the rest is shades of ink.
MODEL = "#0072B2"
MODEL_PALE = "#8fc1e3"
TRUTH = "#D55E00"
INK = "#1c2733"
QUIET = "#6b7785"
FAINT = "#c9d1d9"
PAPER = "#ffffff"
WASH = "#f1f4f7"
LEVELS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9")
"""One colour per level, from level 1."""

DOTS_PER_INCH = 150
HEADLINE = "headline"
BORDER = 3
"""Around a picture on a sheet, pixels."""
LINE = 22
"""Height of a line of text on a sheet, pixels."""


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure, inches; matplotlib's objects only: no window, no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def png_bytes(figure: Figure) -> bytes:
    """The figure as PNG, the same bytes for the same drawing."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def pdf_bytes(figure: Figure) -> bytes:
    """The figure as PDF, with fonts that can be edited; the same bytes for the same drawing.

    For a paper, which has captions: without headline and note, cut to what is left.
    """
    import matplotlib

    buffer = io.BytesIO()
    words = [text for text in figure.texts if text.get_gid() == HEADLINE and text.get_visible()]
    for text in words:
        text.set_visible(False)
    try:
        with matplotlib.rc_context({"pdf.fonttype": 42}):
            figure.savefig(
                buffer,
                format="pdf",
                bbox_inches="tight",
                pad_inches=0.05,
                metadata={"CreationDate": None},
            )
    finally:
        for text in words:
            text.set_visible(True)
    return buffer.getvalue()


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a position in inches, measured from the figure's upper left corner."""
    full_width, full_height = figure.get_size_inches()
    bottom = full_height - top - height
    return figure.add_axes(
        (left / full_width, bottom / full_height, width / full_width, height / full_height)
    )


def write(figure: Figure, left: float, top: float, text: str, **style) -> None:
    """Text; its upper left corner is given in inches from the figure's upper left corner."""
    width, height = figure.get_size_inches()
    style: dict[str, Any] = {"va": "top", "ha": "left", "color": INK, "fontsize": 9} | style
    figure.text(left / width, 1 - top / height, text, **style)


def headline(figure: Figure, title: str, note: str = "") -> None:
    """What the figure asks, in its upper left corner, and a line below it; PDFs go without."""
    write(figure, 0.3, 0.2, title, fontsize=15, fontweight="bold", gid=HEADLINE)
    if note:
        write(figure, 0.3, 0.53, note, fontsize=9.5, color=QUIET, gid=HEADLINE)


def panel(
    figure: Figure, left: float, top: float, width: float, height: float, heading: str = ""
) -> Axes:
    """:func:`plain_axes` at a position in inches, under a heading."""
    if heading:
        write(figure, left, top - 0.32, heading, fontsize=10.5, fontweight="bold")
    axes = place(figure, left, top, width, height)
    plain_axes(axes)
    return axes


def plain_axes(axes: Axes) -> None:
    """Two thin spines, quiet ticks and labels, a faint horizontal grid."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=QUIET, labelsize=8.5, length=3, width=0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(fontsize=9, color=QUIET)
    axes.grid(axis="y", color=WASH, linewidth=1)
    axes.set_axisbelow(True)


class Sheet:
    """Paper for pictures and words in exact pixels; it needs Pillow only.

    White, (height, width) pixels; positions are (x, y) from the upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width, height), PAPER)
        self._pen = ImageDraw.Draw(self._image)
        self._font = ImageFont.load_default(size=15)

    def write(
        self, corner: tuple[int, int], text: str, colour: str = INK, anchor: str = "la"
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


def as_array(values: Tensor | ArrayLike) -> np.ndarray:
    """A tensor on any device, or what numpy takes for an array, as an array."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def as_rgb(frames: np.ndarray, axes: int = 4) -> np.ndarray:
    """Stored frames uint8 (..., height, width, 1 or 3), of ``axes`` axes, with three channels."""
    frames = np.asarray(frames)
    if frames.dtype != np.uint8 or frames.ndim != axes or frames.shape[-1] not in (1, 3):
        raise ValueError(
            f"a picture is made of stored frames: uint8 with {axes} axes, the last of 1 or 3 "
            f"channels; found {frames.dtype} of shape {frames.shape} (dlh.video.to_stored makes "
            "them)"
        )
    return np.broadcast_to(frames, (*frames.shape[:-1], 3))
