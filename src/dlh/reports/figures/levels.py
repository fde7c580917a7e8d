"""What each level holds, as frames (Figs. 5a, 5b, 10, 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlh.reports.figures import canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 12.0
LEFT = 1.55
HEAD = 1.0
GAP = 0.05
GROUP = 0.3
"""Between the rows of two moments, inches."""


@dataclass(frozen=True, kw_only=True)
class FrameRow:
    """A row of frames.

    Attributes:
        name: at its left.
        first: the frame it begins with, uint8 (height, width, channel), in a border of its own.
        frames: uint8 (columns, height, width, channel).
        note: at its right.
        level: n, whose colour the border has; 0 for none.
    """

    name: str
    first: np.ndarray
    frames: np.ndarray
    note: str = ""
    level: int = 0


def frame_rows_figure(
    groups: Sequence[Sequence[FrameRow]],
    *,
    title: str,
    note: str,
    first: str,
    columns: Sequence[str],
) -> Figure:
    """Rows of frames in groups, the first frame of each apart from the others.

    Args:
        groups: of rows; all frames are of one size, all rows of one length.
        title: the headline.
        note: one line below it: what the rows show.
        first: the name of the first column.
        columns: names of the others, empty where there is none.
    """
    rows = [row for group in groups for row in group]
    lengths = {len(row.frames) for row in rows}
    if not rows or lengths != {len(columns)}:
        raise ValueError(
            f"every row has a frame for each of {len(columns)} columns, found rows of "
            f"{sorted(lengths)}"
        )
    height, width = rows[0].first.shape[:2]
    right = 0.3 + (1.15 if any(row.note for row in rows) else 0.0)
    side = (WIDTH - LEFT - right - 0.25) / (len(columns) + 1) - GAP
    side = min(side, 0.95)
    tall = side * height / width
    total = HEAD + len(rows) * (tall + GAP) + (len(groups) - 1) * GROUP + 0.25
    figure = canvas.new_figure(WIDTH, total)
    canvas.headline(figure, title, note)
    for number, name in enumerate((first, *columns)):
        canvas.write(
            figure, _left(number, side) + side / 2, HEAD - 0.18, name,
            ha="center", fontsize=8.5, color=canvas.QUIET,
        )  # fmt: skip
    top = HEAD
    for group in groups:
        for row in group:
            _draw_row(figure, row, top, side, tall)
            top += tall + GAP
        top += GROUP
    return figure


def _draw_row(figure: Figure, row: FrameRow, top: float, side: float, tall: float) -> None:
    """All frames of a row in one pair of axes, whose unit is the inch: many axes are slow."""
    from matplotlib.patches import Rectangle

    middle = top + tall / 2
    canvas.write(figure, LEFT - 0.12, middle, row.name, ha="right", va="center")
    colour = canvas.LEVELS[(row.level - 1) % len(canvas.LEVELS)]
    end = _left(len(row.frames), side) + side
    axes = canvas.place(figure, LEFT, top, end - LEFT, tall)
    for number, frame in enumerate((row.first, *row.frames)):
        left = _left(number, side) - LEFT
        box = (left, left + side, 0, tall)
        shown = canvas.as_rgb(frame, 3)
        axes.imshow(shown, extent=box, interpolation="nearest", aspect="auto")
        marked = number and row.level
        edge: dict[str, Any] = {
            "edgecolor": colour if marked else canvas.FAINT,
            "linewidth": 1.6 if marked else 1.0,
            "fill": False,
            "clip_on": False,
        }
        axes.add_patch(Rectangle((left, 0), side, tall, **edge))
    axes.set(xlim=(0, end - LEFT), ylim=(0, tall))
    axes.axis("off")
    style: dict[str, Any] = {"va": "center", "fontsize": 8.5, "color": canvas.QUIET}
    canvas.write(figure, end + 0.12, middle, row.note, **style)


def _left(column: int, side: float) -> float:
    return LEFT + column * (side + GAP) + (0.25 if column else 0.0)
