"""Curves: how a run learnt, and how its predictions hold up with the distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlh.reports.figures import canvas
from dlh.reports.figures.lines import Curve, Line, as_curve, draw_lines, name_ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 11.0
PSNR_TITLE = "How close do the futures stay to what happened?"
FLOORS = (
    (canvas.INK, "-", 1.0),
    (canvas.QUIET, (0, (5, 2)), 1.5),
    (canvas.QUIET, (0, (1, 1.5)), 1.5),
)
"""Colour, dashes and weight of the floors."""


def draw_psnr_curves(
    *,
    best: Curve,
    mean: Curve,
    floors: Mapping[str, Curve],
    window: int,
    samples: int,
    title: str = PSNR_TITLE,
) -> bytes:
    """PNG bytes of :func:`psnr_figure`."""
    return canvas.png_bytes(
        psnr_figure(
            best=best, mean=mean, floors=floors, window=window, samples=samples, title=title
        )
    )


def psnr_figure(
    *,
    best: Curve,
    mean: Curve,
    floors: Mapping[str, Curve],
    window: int,
    samples: int,
    title: str = PSNR_TITLE,
) -> Figure:
    """PSNR against the prediction step: the best and the average future, and the floors
    (as Fig. 9).

    Args:
        best: (horizon,), the best future of each clip, chosen once over the window.
        mean: (horizon,), the average over futures.
        floors: name to (horizon,).
        window: the first predicted steps, over which the headline numbers are taken; shaded.
        samples: how many futures were drawn, for the legend.
        title: the headline.
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
    lines = {}
    for index, (name, curve) in enumerate(curves.items()):
        if name in floors:
            lines[name] = Line(steps, curve, *FLOORS[(index - len(curves)) % len(FLOORS)])
        else:
            lines[name] = Line(steps, curve, canvas.MODEL, *(("-", 2.4), ((0, (4, 2)), 1.5))[index])
    figure = canvas.new_figure(WIDTH, 4.35)
    canvas.headline(figure, title)
    axes = canvas.panel(figure, 0.75, 0.75, WIDTH - 0.75 - 1.5, 3.0)
    axes.axvspan(0.5, window + 0.5, color=canvas.WASH, linewidth=0)
    draw_lines(axes, lines)
    axes.set_xlim(0.5, horizon + 0.5)
    axes.set_xlabel("predicted step")
    axes.set_ylabel("PSNR, dB (higher is closer)")
    low, high = _psnr_limits(lines, floors)
    axes.set_ylim(low, high + 0.1 * (high - low))
    if above := _above(floors, high + 0.1 * (high - low)):
        style: dict[str, Any] = {
            "fontsize": 8.5,
            "color": canvas.QUIET,
            "va": "bottom",
            "ha": "right",
        }
        axes.text(1.0, 1.02, above, transform=axes.transAxes, **style)
    if window < horizon:
        # Above the lines, where the shaded window begins.
        style = {"fontsize": 8.5, "color": canvas.QUIET, "va": "top"}
        axes.text(
            0.5 + 0.006 * horizon, high + 0.08 * (high - low), f"first {window} steps", **style
        )
    name_ends(axes, lines, samples=True)
    return figure


def _psnr_limits(lines: Mapping[str, Line], floors: Mapping[str, Curve]) -> tuple[float, float]:
    """dB: room for the model's curves and for where a floor usually is. A still frame that happens
    to be right for one step scores up to 100 dB there, and would flatten all else.
    """
    tops = [
        np.median(line.values) if n in floors else line.values.max() for n, line in lines.items()
    ]
    low = min(float(line.values.min()) for line in lines.values())
    high = float(max(tops))
    room = 0.05 * max(high - low, 1.0)
    return low - room, high + room


def _above(floors: Mapping[str, Curve], limit: float) -> str:
    """Which floors leave the axes, and how far."""
    tops = {name: float(as_curve(curve).max()) for name, curve in floors.items()}
    return "; ".join(
        f"{name}: up to {top:.0f} dB at some steps" for name, top in tops.items() if top > limit
    )


def draw_curves(rows: Sequence[Mapping[str, Any]], *, title: str = "How it learnt") -> bytes:
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
    canvas.headline(figure, title)
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
