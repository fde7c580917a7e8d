"""Scores of predictions as pictures: against the distance, and against the number of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dlh.reports.figures import canvas
from dlh.reports.figures.lines import Curve, Line, as_curve, draw_lines, name_ends

WIDTH = 11.0
LEFT, RIGHT, HEIGHT, STRIDE = 0.75, 1.75, 2.1, 2.95
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (4, 1, 1, 1)), (0, (7, 3)))
"""Of the floors, in their order."""


@dataclass(frozen=True, kw_only=True)
class ScorePanel:
    """One metric.

    Attributes:
        title: the metric, its unit, and which way is better.
        best, mean: of the model, one value per step; None where there is one sample only, or
            nothing is best.
        floors: name to (steps,).
    """

    title: str
    mean: Curve
    best: Curve | None = None
    floors: Mapping[str, Curve]


def draw_score_curves(
    panels: Sequence[ScorePanel],
    *,
    samples: int,
    title: str = "How close do the futures stay to what happened?",
) -> bytes:
    """PNG bytes: a panel for each metric, against the predicted step (the paper's Fig. 9)."""
    return _draw(panels, title, "predicted step", f"best of {samples}")


def draw_best_of(
    panels: Sequence[ScorePanel], *, title: str = "How does the best of K depend on K?"
) -> bytes:
    """PNG bytes: the expected best of K samples against K, a panel for each metric.

    ``best`` of a panel is the model's curve, from K = 1; ``mean`` its level at K = 1; a floor is a
    curve of its own length.
    """
    return _draw(panels, title, "samples K", "best of K")


def _draw(panels: Sequence[ScorePanel], title: str, horizontal: str, best_name: str) -> bytes:
    figure = canvas.new_figure(WIDTH, 0.75 + STRIDE * len(panels))
    from matplotlib.ticker import MaxNLocator

    canvas.headline(figure, title)
    for place, panel in enumerate(panels):
        top = 1.0 + STRIDE * place
        axes = canvas.panel(figure, LEFT, top, WIDTH - LEFT - RIGHT, HEIGHT, panel.title)
        lines = _lines(panel, best_name)
        draw_lines(axes, lines)
        longest = max(line.steps[-1] for line in lines.values())
        axes.set_xlim(0.5, longest + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(horizontal)
        name_ends(axes, lines)
    return canvas.png_bytes(figure)


def _lines(panel: ScorePanel, best_name: str) -> dict[str, Line]:
    lines = {}
    if panel.best is not None:
        lines[best_name] = _line(panel.best, canvas.MODEL, "-", 2.4)
    lines["average future"] = _line(panel.mean, canvas.MODEL, (0, (4, 2)), 1.5)
    for place, (name, curve) in enumerate(panel.floors.items()):
        lines[name] = _line(curve, canvas.QUIET, DASHES[place % len(DASHES)], 1.2)
    return lines


def _line(curve: Curve, colour: str, dash: object, weight: float) -> Line:
    values = as_curve(curve)
    return Line(np.arange(1, len(values) + 1), values, colour, dash, weight)
