"""Curves over training of many runs: what each validation found, a line for each seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dlh.reports.figures import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 11.0
PANELS = (
    ("Event precision", ("events.precision",)),
    ("Event recall", ("events.recall",)),
    ("Mean depth (dashed: the truth)", ("mean_depth",)),
    ("Bound, nats per frame", ("elbo",)),
    ("KL of level 1, nats per frame", ("kl.L1",)),
    ("KL of level 2", ("kl.L2",)),
    ("KL of all levels above", ("kl.L3", "kl.L4", "kl.L5")),
)
"""Heading, and what is added up. A level's KL here is that of its state and its event."""


def draw_courses(records: Sequence[Mapping[str, Any]], *, name: str) -> bytes:
    """PNG bytes: panels of held-out figures against the training step, a colour for each kind.

    Args:
        records: of one group, in the order of their kinds.
        name: what a kind is, for the legend: "lambda", "levels".
    """
    kinds = list(dict.fromkeys(record["kind"] for record in records))
    panels = [
        panel for panel in PANELS if any(name in r["course"] for r in records for name in panel[1])
    ]
    columns = 4 if len(panels) > 6 else 3
    rows = -(-len(panels) // columns)
    figure = canvas.new_figure(WIDTH, 0.95 + rows * 2.6)
    canvas.write(figure, 0.3, 0.2, "Over training", fontsize=15, fontweight="bold")
    width = (WIDTH - 0.3 - columns * 0.75) / columns
    for index, (heading, quantities) in enumerate(panels):
        left = 0.65 + (index % columns) * (width + 0.75)
        top = 1.1 + (index // columns) * 2.6
        canvas.write(figure, left, top - 0.3, heading, fontsize=9.5, fontweight="bold")
        axes = canvas.place(figure, left, top, width, 1.75)
        canvas.plain_axes(axes)
        for record in records:
            colour = canvas.LEVELS[kinds.index(record["kind"]) % len(canvas.LEVELS)]
            _line(axes, record["course"], quantities, colour)
        if quantities[0].startswith("events"):
            axes.set_ylim(-0.02, 1.05)
        elif quantities == ("elbo",):
            _without_the_beginning(axes, records)
        elif quantities[0].startswith("kl"):
            _logarithmic(axes)
        if index >= len(panels) - columns:
            axes.set_xlabel("training step", fontsize=8.5, color=canvas.QUIET)
        axes.tick_params(labelsize=8)
    _legend(figure, name, kinds)
    return canvas.png_bytes(figure)


def _line(axes: Axes, course: Mapping[str, Any], names: Sequence[str], colour: str) -> None:
    there = [course[name] for name in names if name in course]
    found = [
        (step, sum(values))
        for step, *values in zip(course["step"], *there, strict=True)
        if values and None not in values
    ]
    if not found:
        return
    steps, values = zip(*found, strict=True)
    axes.plot(steps, values, color=colour, linewidth=1.3, alpha=0.85)
    if "mean_depth" in names and "true_change_rate" in course:
        truth = [1 + rate for rate in course["true_change_rate"] if rate is not None]
        style: dict[str, Any] = {"color": colour, "linewidth": 0.9, "linestyle": (0, (4, 2))}
        axes.axhline(truth[-1], **style)


def _logarithmic(axes: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")


def _without_the_beginning(axes: Axes, records: Sequence[Mapping[str, Any]]) -> None:
    """The first validations are far below all others and would flatten them."""
    from matplotlib.ticker import MaxNLocator

    late = [v for r in records for v in r["course"]["elbo"][1:] if v is not None]
    if late:
        room = 0.05 * (max(late) - min(late)) or 1.0
        axes.set_ylim(min(late) - room, max(late) + room)
        # Of five digits there is no room for a sixth.
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=max(late) - min(late) > 5))


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
