"""Curves: how scores hold up with the distance and the number of samples, and how a run learnt.

Lines are named at their ends, so that there is no legend to look up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from dlh.reports.figures import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Tensor | np.ndarray | Sequence[float]

WIDTH = 11.0
PSNR_TITLE = "How close do the futures stay to what happened?"
MEDIAN_STEPS = 9
"""Over which a floor is smoothed: a still frame is exactly right for the step at which the scene
returns to it, and its 50 dB there say nothing of the steps around.
"""
LEFT, RIGHT, HEIGHT, STRIDE = 0.75, 1.75, 2.1, 2.95
"""Of the panels of an evaluation, inches."""
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (4, 1, 1, 1)), (0, (1, 4)))
"""Of the floors of an evaluation, in their order."""


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
    lowest = axes.transAxes.transform((0, 0))[1]  # below it stands the last number of the axis
    for number, height in enumerate(heights):
        heights[number] = max(height, lowest)
        lowest = heights[number] + gap
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


def psnr_figure(
    *,
    best: Curve,
    mean: Curve,
    floors: Mapping[str, Curve],
    window: int,
    samples: int,
) -> Figure:
    """PSNR against the prediction step: the best and the average future, and a band from the
    lowest to the highest floor, each smoothed by a running median (as Fig. 9).

    Args:
        best: (horizon,), the best future of each clip, chosen once over the window.
        mean: (horizon,), the average over futures.
        floors: name to (horizon,).
        window: the first predicted steps, over which the headline numbers are taken; shaded.
        samples: how many futures were drawn, for the legend.
    """
    curves = {f"best of {samples}": as_curve(best)}
    if samples > 1:
        curves["average future"] = as_curve(mean)
    curves |= {name: as_curve(curve) for name, curve in floors.items()}
    lengths = sorted({len(curve) for curve in curves.values()})
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"all curves have one value per predicted step, found lengths {lengths}")
    horizon = lengths[0]
    steps = np.arange(1, horizon + 1)
    lines = {
        name: Line(steps, curves[name], canvas.MODEL, *style)
        for name, style in zip(
            [name for name in curves if name not in floors],
            (("-", 2.4), ((0, (4, 2)), 1.5)),
            strict=False,
        )
    }
    band = _band([curves[name] for name in floors])
    named = floors if len(floors) == 1 else ("lowest floor", "highest floor")
    for name, edge in zip(named, band, strict=False):
        dash = "-" if name == "highest floor" else (0, (1, 1.5))
        lines[name] = Line(steps, edge, canvas.QUIET, dash, 1.2)
    figure = canvas.new_figure(WIDTH, 4.35)
    canvas.headline(figure, PSNR_TITLE)
    axes = canvas.panel(figure, 0.75, 0.75, WIDTH - 0.75 - 1.5, 3.0)
    axes.axvspan(0.5, window + 0.5, color=canvas.WASH, linewidth=0)
    if band:
        axes.fill_between(steps, band[0], band[1], color=canvas.FAINT, alpha=0.5, linewidth=0)
    draw_lines(axes, lines)
    axes.set_xlim(0.5, horizon + 0.5)
    axes.set_xlabel("predicted step")
    axes.set_ylabel("PSNR, dB (higher is closer)")
    low, high = _psnr_limits(lines)
    axes.set_ylim(low, high + 0.1 * (high - low))
    if window < horizon:
        # Above the lines, where the shaded window begins.
        style: dict[str, Any] = {"fontsize": 8.5, "color": canvas.QUIET, "va": "top"}
        axes.text(
            0.5 + 0.006 * horizon, high + 0.08 * (high - low), f"first {window} steps", **style
        )
    name_ends(axes, lines, samples=True)
    return figure


def _band(floors: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Two edges, (horizon,): the lowest and the highest floor at each step, after a running median
    over MEDIAN_STEPS; none without floors.
    """
    if not floors:
        return []
    reach = MEDIAN_STEPS // 2
    curves = np.stack(floors)
    smooth = np.stack(
        [
            np.median(curves[:, max(0, step - reach) : step + reach + 1], axis=1)
            for step in range(curves.shape[1])
        ],
        axis=1,
    )
    return [smooth.min(0), smooth.max(0)]


def _psnr_limits(lines: Mapping[str, Line]) -> tuple[float, float]:
    """dB: all lines, with some room."""
    low = min(float(line.values.min()) for line in lines.values())
    high = max(float(line.values.max()) for line in lines.values())
    room = 0.05 * max(high - low, 1.0)
    return low - room, high + room


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


def draw_score_curves(panels: Sequence[ScorePanel], *, samples: int) -> bytes:
    """PNG bytes: a panel for each metric, against the predicted step (the paper's Fig. 9)."""
    return _draw_panels(panels, PSNR_TITLE, "predicted step", f"best of {samples}")


@dataclass(frozen=True, kw_only=True)
class ModelsPanel:
    """One metric of several models.

    Attributes:
        title: the metric, its unit, and which way is better.
        models, floors: name to (steps,).
    """

    title: str
    models: Mapping[str, Curve]
    floors: Mapping[str, Curve] = field(default_factory=dict)


def draw_models(panels: Sequence[ModelsPanel], *, note: str = "") -> bytes:
    """PNG bytes: several models against the predicted step, a panel for each metric (as Fig. 9). A
    floor that is far from all models is only named.

    Args:
        panels: in their order.
        note: below the title.
    """
    drawn = []
    for panel in panels:
        lines = {}
        for place, (name, curve) in enumerate(panel.models.items()):
            again, colour = divmod(place, len(canvas.LEVELS))
            dash = "-" if not again else (0, (1, 1))
            lines[name] = _line(curve, canvas.LEVELS[colour], dash, 1.8)
        drawn.append((panel.title, lines | _floor_lines(panel.floors)))
    return _draw_lines(drawn, PSNR_TITLE, "predicted step", note=note, several=True)


def draw_best_of(panels: Sequence[ScorePanel]) -> bytes:
    """PNG bytes: the expected best of K samples against K, a panel for each metric.

    ``best`` of a panel is the model's curve, from K = 1; ``mean`` its level at K = 1; a floor is a
    curve of its own length.
    """
    return _draw_panels(panels, "How does the best of K depend on K?", "samples K", "best of K")


def _draw_panels(
    panels: Sequence[ScorePanel], title: str, horizontal: str, best_name: str
) -> bytes:
    drawn = [(panel.title, _lines(panel, best_name)) for panel in panels]
    return _draw_lines(drawn, title, horizontal)


def _draw_lines(
    panels: Sequence[tuple[str, Mapping[str, Line]]],
    title: str,
    horizontal: str,
    *,
    note: str = "",
    several: bool = False,
) -> bytes:
    """PNG bytes: a panel for each; with several models their values decide its limits."""
    head = 1.25 if note else 1.0
    figure = canvas.new_figure(WIDTH, head - 0.25 + STRIDE * len(panels))
    from matplotlib.ticker import MaxNLocator

    canvas.headline(figure, title, note)
    for place, (heading, lines) in enumerate(panels):
        top = head + STRIDE * place
        axes = canvas.panel(figure, LEFT, top, WIDTH - LEFT - RIGHT, HEIGHT, heading)
        draw_lines(axes, lines)
        longest = max(line.steps[-1] for line in lines.values())
        axes.set_xlim(0.5, longest + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(horizontal)
        if several:
            axes.set_ylim(*_limits(lines.values()))
        name_ends(axes, lines, samples=True)
    return canvas.png_bytes(figure)


def _limits(lines: Iterable[Line]) -> tuple[float, float]:
    """Of an axis: all models, and the floors that are no further from them than they are from each
    other.
    """
    spans = [(line.values.min(), line.values.max(), line.colour == canvas.QUIET) for line in lines]
    low = min(least for least, _, floor in spans if not floor)
    high = max(most for _, most, floor in spans if not floor)
    reach = high - low
    near = [(a, b) for a, b, _ in spans if low - reach <= a and b <= high + reach]
    low, high = min(a for a, _ in near), max(b for _, b in near)
    room = 0.05 * (high - low) or 0.5
    return float(low - room), float(high + room)


def _lines(panel: ScorePanel, best_name: str) -> dict[str, Line]:
    lines = {}
    if panel.best is not None:
        lines[best_name] = _line(panel.best, canvas.MODEL, "-", 2.4)
    lines["average future"] = _line(panel.mean, canvas.MODEL, (0, (4, 2)), 1.5)
    return lines | _floor_lines(panel.floors)


def _floor_lines(floors: Mapping[str, Curve]) -> dict[str, Line]:
    return {
        name: _line(curve, canvas.QUIET, DASHES[place % len(DASHES)], 1.2)
        for place, (name, curve) in enumerate(floors.items())
    }


def _line(curve: Curve, colour: str, dash: object, weight: float) -> Line:
    values = as_curve(curve)
    return Line(np.arange(1, len(values) + 1), values, colour, dash, weight)


def draw_curves(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """curves.png: what the lines of metrics.jsonl hold, against the training step; a panel only
    where there are values.

    Looked for: ``loss``; the negatives of ``validation.elbo`` and ``reconstruction`` (what the
    frames alone cost); and with ``validation.`` before it, or else without: ``state_kl.L1`` ... and
    ``event_kl``; ``events.precision`` and ``events.recall``; ``mean_depth`` and
    ``true_change_rate``. A line need not hold all; null values are left out.

    Returns:
        PNG bytes.
    """
    panels = [(name, draw) for name, needed, draw in _PANELS if any(_has(rows, n) for n in needed)]
    if not panels:
        looked_for = ", ".join(name for _, needed, _ in _PANELS for name in needed)
        raise ValueError(
            f"no curve to draw: none of the {len(rows)} lines holds a step and one of {looked_for}"
        )
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    figure = canvas.new_figure(WIDTH, 0.8 + lines * 2.75)
    canvas.headline(figure, "How it learnt")
    margin = 1.6  # numbers on the left, names of lines on the right
    width = WIDTH / columns - margin
    for index, (heading, draw) in enumerate(panels):
        left = 0.75 + (index % columns) * (width + margin)
        top = 1.1 + (index // columns) * 2.75
        axes = canvas.panel(figure, left, top, width, 1.8, heading)
        draw(axes, rows)
        axes.set_xlabel("training step")
    return canvas.png_bytes(figure)


def _draw_loss(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    lines = {}
    for name, label, style in (
        ("loss", "training", (canvas.MODEL,)),
        (VALIDATION + "elbo", "held out", (canvas.TRUTH,)),
        ("reconstruction", "frames alone", (canvas.QUIET, (0, (4, 2)), 1.2)),
    ):
        steps, values = _series(rows, name)
        if len(steps):
            lines[label] = Line(steps, values if name == "loss" else -values, *style)
    draw_lines(axes, lines)
    # The first steps of a run are far above the rest and would flatten it.
    values = np.concatenate([line.values[len(line.values) // 10 :] for line in lines.values()])
    low, high = float(values.min()), float(values.max())
    highest = max(line.values.max() for line in lines.values())
    if highest > high + 2 * (high - low) > low:
        axes.set_ylim(low - 0.06 * (high - low), high + 0.25 * (high - low))
    name_ends(axes, lines)


def _draw_divergences(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    lines = {}
    for level, colour in enumerate(canvas.LEVELS, start=1):
        steps, values = _preferred(rows, f"state_kl.L{level}")
        if len(steps):
            lines[f"level {level}"] = Line(steps, values, colour)
    steps, values = _preferred(rows, "event_kl")
    if len(steps) and values.any():
        lines["events"] = Line(steps, values, canvas.QUIET, (0, (4, 2)))
    draw_lines(axes, lines)
    positive = np.concatenate([line.values[line.values > 0] for line in lines.values()])
    if positive.size and positive.max() > 20 * np.median(positive):
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(float(positive.min()) / 1.5, 1e-4))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
    else:
        axes.set_ylim(bottom=0)
    name_ends(axes, lines)


def _draw_events(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    lines = {}
    for label, colour, dash in (
        ("precision", canvas.MODEL, "-"),
        ("recall", canvas.TRUTH, (0, (4, 2))),
    ):
        steps, values = _preferred(rows, f"events.{label}")
        if len(steps):
            lines[label] = Line(steps, values, colour, dash)
    draw_lines(axes, lines)
    axes.set_ylim(-0.02, 1.05)
    name_ends(axes, lines)


def _draw_depth(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    lines = {"inferred": Line(*_preferred(rows, "mean_depth"), canvas.MODEL)}
    steps, rate = _preferred(rows, "true_change_rate")
    if len(steps):
        lines["truth"] = Line(steps, 1 + rate, canvas.TRUTH, (0, (4, 2)))
    draw_lines(axes, lines)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.98), max(high, 1.5))
    name_ends(axes, lines)


VALIDATION = "validation."
_PANELS = (
    ("Loss, nats per frame", ("loss",), _draw_loss),
    ("Level 2 against the true events", ("events.precision", "events.recall"), _draw_events),
    ("Divergence of the states, nats per frame", ("state_kl.L1",), _draw_divergences),
    ("Mean depth: levels that change at a step", ("mean_depth",), _draw_depth),
)


def _series(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """The steps at which a quantity is known, and its values; empty where it never is."""
    found = [
        (row["step"], row[name]) for row in rows if "step" in row and row.get(name) is not None
    ]
    steps, values = zip(*found, strict=True) if found else ((), ())
    return np.asarray(steps, dtype=float), np.asarray(values, dtype=float)


def _preferred(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    held_out = _series(rows, VALIDATION + name)
    return held_out if len(held_out[0]) else _series(rows, name)


def _has(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return len(_preferred(rows, name)[0]) > 0
