"""Curves over training of many runs: what each validation found, a line for each seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dlh.analysis.figures import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 11.0
PANELS = (
    ("Event precision", "events.precision"),
    ("Event recall", "events.recall"),
    ("Mean depth (dashed: 1 + true rate)", "mean_depth"),
    ("Divergence of level 1, nats per frame", "kl.L1"),
    ("Divergence of level 2, nats per frame", "kl.L2"),
    ("Bound, nats per frame", "elbo"),
)
COLUMNS = 3


def draw_courses(records: Sequence[Mapping[str, Any]], *, name: str) -> bytes:
    """PNG bytes: panels of held-out figures against the training step, a colour for each kind.

    Args:
        records: of one group, in the order of their kinds.
        name: what a kind is, for the legend: "lambda", "levels".
    """
    kinds = list(dict.fromkeys(record["kind"] for record in records))
    rows = -(-len(PANELS) // COLUMNS)
    figure = canvas.new_figure(WIDTH, 0.95 + rows * 2.6)
    canvas.write(figure, 0.3, 0.2, "Over training", fontsize=15, fontweight="bold")
    width = (WIDTH - 0.3 - COLUMNS * 0.75) / COLUMNS
    for index, (heading, quantity) in enumerate(PANELS):
        left = 0.65 + (index % COLUMNS) * (width + 0.75)
        top = 1.1 + (index // COLUMNS) * 2.6
        canvas.write(figure, left, top - 0.3, heading, fontsize=9.5, fontweight="bold")
        axes = canvas.place(figure, left, top, width, 1.75)
        canvas.plain_axes(axes)
        for record in records:
            colour = canvas.LEVELS[kinds.index(record["kind"]) % len(canvas.LEVELS)]
            _line(axes, record["course"], quantity, colour)
        if quantity.startswith("events"):
            axes.set_ylim(-0.02, 1.05)
        elif quantity == "elbo":
            _without_the_beginning(axes, records)
        if index >= len(PANELS) - COLUMNS:
            axes.set_xlabel("training step", fontsize=8.5, color=canvas.QUIET)
        axes.tick_params(labelsize=8)
    _legend(figure, name, kinds)
    return canvas.png_bytes(figure)


def _line(axes: Axes, course: Mapping[str, Any], quantity: str, colour: str) -> None:
    found = [
        (step, value)
        for step, value in zip(course["step"], course.get(quantity, []), strict=False)
        if value is not None
    ]
    if not found:
        return
    steps, values = zip(*found, strict=True)
    axes.plot(steps, values, color=colour, linewidth=1.3, alpha=0.85)
    if quantity == "mean_depth" and "true_change_rate" in course:
        truth = [1 + rate for rate in course["true_change_rate"] if rate is not None]
        style: dict[str, Any] = {"color": colour, "linewidth": 0.9, "linestyle": (0, (4, 2))}
        axes.axhline(truth[-1], **style)


def _without_the_beginning(axes: Axes, records: Sequence[Mapping[str, Any]]) -> None:
    """The first validations are far below all others and would flatten them."""
    late = [v for r in records for v in r["course"]["elbo"][1:] if v is not None]
    if late:
        room = 0.05 * (max(late) - min(late)) or 1.0
        axes.set_ylim(min(late) - room, max(late) + room)


def _legend(figure: Any, name: str, kinds: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=canvas.LEVELS[number % len(canvas.LEVELS)], label=f"{name} {kind}")
        for number, kind in enumerate(kinds)
    ]
    width, height = figure.get_size_inches()
    figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(1 - 0.3 / width, 1 - 0.15 / height),
        ncols=len(handles),
        frameon=False,
        fontsize=9,
        labelcolor=canvas.INK,
    )
