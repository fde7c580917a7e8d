"""Lines of a plot that are named at their ends, so that there is no legend to look up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from dlh.reports.figures import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = Tensor | np.ndarray | Sequence[float]


@dataclass(frozen=True)
class Line:
    """A curve and how it is drawn."""

    steps: np.ndarray
    values: np.ndarray
    colour: str
    dash: Any = "-"
    weight: float = 1.8


def draw_lines(axes: Axes, lines: Mapping[str, Line]) -> None:
    """Draw them; one of few points has marks."""
    for line in lines.values():
        style: dict[str, Any] = {
            "color": line.colour,
            "linewidth": line.weight,
            "linestyle": line.dash,
        }
        if len(line.values) < 3:
            style |= {"marker": "o", "markersize": 4}
        axes.plot(line.steps, line.values, **style)
    axes.ticklabel_format(axis="y", useOffset=False)


def name_ends(axes: Axes, lines: Mapping[str, Line], *, samples: bool = False) -> None:
    """Names at the ends of the lines, pushed apart where they overlap: no legend to look up.

    Args:
        axes: with the lines.
        lines: by name.
        samples: whether a piece of the line is before its name, which tells those apart that end at
            the same height.
    """
    if len(lines) < 2:
        return
    axes.get_ylim()  # settles the limits, which a plot only announces
    named = sorted(lines.items(), key=lambda item: _end(item[1], axes))
    ends = np.array([(line.steps[-1], _end(line, axes)) for _, line in named])
    heights = axes.transData.transform(ends)[:, 1]
    gap = 9 * 1.25 * canvas.DOTS_PER_INCH / 72
    for _ in range(100):
        for low in range(len(heights) - 1):
            overlap = max(0.0, gap - (heights[low + 1] - heights[low]))
            heights[low : low + 2] += (-overlap / 2, overlap / 2)
    for (name, line), height in zip(named, heights, strict=True):
        share = axes.transAxes.inverted().transform((0, height))[1]
        style: dict[str, Any] = {"fontsize": 9, "color": line.colour, "va": "center"}
        axes.text(1.06 if samples else 1.015, share, name, transform=axes.transAxes, **style)
        if samples:
            _sample(axes, line, share)


def _end(line: Line, axes: Axes) -> float:
    """Where a line ends, or where it usually is if its end is above or below what is shown."""
    low, high = axes.get_ylim()
    last = float(line.values[-1])
    return last if low <= last <= high else min(max(float(np.median(line.values)), low), high)


def _sample(axes: Axes, line: Line, share: float) -> None:
    from matplotlib.lines import Line2D

    style: dict[str, Any] = {
        "color": line.colour,
        "linestyle": line.dash,
        "linewidth": line.weight,
        "clip_on": False,
    }
    axes.add_artist(Line2D([1.012, 1.05], [share, share], transform=axes.transAxes, **style))


def as_curve(values: Curve) -> np.ndarray:
    """One value per step, float; ValueError for another shape."""
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"a curve has one value per predicted step, found shape {array.shape}")
    return array.astype(float)
