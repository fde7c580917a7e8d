"""Figures of numbers: what the levels cost and how often they change; reliability; tracking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from dlh.analysis.foresight import Reliability
from dlh.reports.figures import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 11.0
PANEL = 2.6
LABEL = 0.08
"""Height of a label on a bar of changes per step."""
_Line = tuple[str, "Tensor | np.ndarray", str, Any, float]
"""Name, values, colour, dashes, weight."""


def levels_figure(
    *,
    change_rates: Sequence[float],
    state_kl: Sequence[float],
    errors: Sequence[float | None],
    true_change_rate: float | None,
    steps: int,
) -> Figure:
    """How often each level changes, and how much it adds (Tables 2 and 5).

    Args:
        change_rates: changes per step, from level 1.
        state_kl: nats per clip, from level 1.
        errors: their standard errors.
        true_change_rate: of the data, where that is known.
        steps: frames of a clip.
    """
    figure = canvas.new_figure(WIDTH, 4.3)
    title = "How deep do changes reach, and how much does each level add?"
    canvas.headline(figure, title)
    places = np.arange(len(change_rates))
    names = [f"level {place + 1}" for place in places]
    colours = [canvas.LEVELS[place % len(canvas.LEVELS)] for place in places]
    width = (WIDTH - 2.6) / 2
    axes = canvas.panel(figure, 0.9, 1.05, width, PANEL, "Changes per step")
    axes.bar(places, change_rates, color=colours, width=0.6)
    for place, rate in zip(places, change_rates, strict=True):
        _value(axes, place, _clear_of(true_change_rate, rate), f"{rate:.3f}")
    if true_change_rate is not None:
        axes.axhline(true_change_rate, color=canvas.TRUTH, linewidth=1.4, linestyle=(0, (4, 2)))
        style: dict[str, Any] = {"fontsize": 9, "color": canvas.TRUTH, "va": "center"}
        axes.text(1.01, true_change_rate, "truth", transform=axes.get_yaxis_transform(), **style)
    axes.set(ylim=(0, 1.12), xticks=places, xticklabels=names)
    axes = canvas.panel(
        figure, 0.9 + width + 1.2, 1.05, width, PANEL, f"State divergence, nats per {steps} frames"
    )
    bars = [0.0 if error is None else error for error in errors]
    axes.bar(places, state_kl, yerr=bars, color=colours, width=0.6, ecolor=canvas.INK)
    total = sum(state_kl)
    for place, value in zip(places, state_kl, strict=True):
        share = f"\n{value / total:.1%}" if total > 0 else ""
        _value(axes, place, value + bars[place], f"{value:.1f}{share}")
    axes.set(xticks=places, xticklabels=names, ylim=(0, 1.25 * max(max(state_kl), 1e-3)))
    return figure


def _clear_of(line: float | None, rate: float) -> float:
    """Where the label of a bar stands: on it, or on the line that would strike it through."""
    return rate if line is None or not rate - 0.01 < line < rate + LABEL else max(rate, line)


def reliability_figure(curves: Mapping[str, Reliability]) -> Figure:
    """Share of changes that came against their predicted probability; below, the number of steps.

    Args:
        curves: by the changes they are compared with, "inferred changes" and "true changes".
    """
    figure = canvas.new_figure(WIDTH, 5.4)
    canvas.headline(figure, "Are the predicted changes of level 2 calibrated?")
    width = (WIDTH - 2.6) / 2
    for number, (name, curve) in enumerate(curves.items()):
        left = 0.9 + number * (width + 1.2)
        axes = canvas.panel(figure, left, 1.05, width, PANEL, f"Compared with {name}")
        colour = canvas.MODEL if number == 0 else canvas.TRUTH
        axes.plot([0, 1], [0, 1], color=canvas.FAINT, linewidth=1.2, zorder=1)
        known = [
            (p, share, count)
            for p, share, count in zip(curve.predicted, curve.happened, curve.counts, strict=True)
            if p is not None and share is not None
        ]
        p, share, count = (np.array(values, float) for values in zip(*known, strict=True))
        axes.plot(p, share, color=colour, linewidth=1.8)
        # An error that is too small where all came or none did, so a little is added.
        spread = np.sqrt((share * (1 - share) + 1 / (count + 1)) / count)
        low = np.minimum(spread, share)
        axes.errorbar(p, share, [low, np.minimum(spread, 1 - share)], color=colour, fmt="o")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.03, 1.05))
        axes.set_ylabel("share of changes")
        error = f"mean distance from the line: {curve.calibration_error:.3f}"
        axes.text(0.03, 0.95, error, fontsize=8.5, color=canvas.QUIET, va="top")
        axes.tick_params(labelbottom=False)
        lower = canvas.panel(figure, left, 1.05 + PANEL + 0.12, width, 0.85)
        edges = np.asarray(curve.edges)
        counts = np.maximum(curve.counts, 0.5)
        lower.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=canvas.MODEL_PALE)
        lower.set(xlim=(-0.02, 1.02), yscale="log", ylim=(0.5, 3 * counts.max()))
        lower.set_ylabel("steps")
        lower.set_xlabel("p(change), predicted")
    return figure


def tracking_figure(
    best: Tensor | np.ndarray,
    every: Tensor | np.ndarray,
    *,
    samples: int,
    radius: float,
    known: Tensor | np.ndarray | None = None,
) -> Figure:
    """The share of predicted balls that are still within a radius of the true one, by step.

    Args:
        best: (horizon,), of each clip's best future.
        every: (horizon,), of all futures.
        samples: futures of a clip.
        radius: pixels.
        known: (horizon,), of all draws of the ideal observer.
    """
    figure = canvas.new_figure(WIDTH, 4.35)
    title = "How long does the predicted ball stay where the true one is?"
    canvas.headline(figure, title)
    axes = canvas.panel(figure, 0.75, 0.75, WIDTH - 0.75 - 0.4, 3.0)
    lines: list[_Line] = [
        (f"best of {samples}" if samples > 1 else "the future", best, canvas.MODEL, "-", 2.4)
    ]
    if samples > 1:
        lines.append(("all futures", every, canvas.MODEL, (0, (4, 2)), 1.5))
    if known is not None:
        lines.append(("ideal observer", known, canvas.TRUTH, (0, (4, 2)), 1.5))
    for name, values, colour, dash, weight in lines:
        curve = canvas.as_array(values)
        axes.plot(
            np.arange(len(curve) + 1), [1.0, *curve], color=colour, linestyle=dash,
            linewidth=weight, label=name,
        )  # fmt: skip
    axes.axhline(0.5, color=canvas.FAINT, linewidth=1.2)
    axes.set(xlim=(0, len(canvas.as_array(best))), ylim=(-0.02, 1.04))
    axes.set_xlabel("predicted step")
    axes.set_ylabel(f"share within {radius:g} pixels so far")
    if len(lines) > 1:
        axes.legend(loc="best", frameon=False, fontsize=9)
    return figure


def _value(axes: Axes, place: float, height: float, text: str) -> None:
    style: dict[str, Any] = {"fontsize": 9, "color": canvas.INK, "ha": "center", "va": "bottom"}
    axes.text(place, height, text, **style)
