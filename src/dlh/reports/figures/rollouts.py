"""Sampled futures with their switches marked: frames, and all steps below them (Fig. 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlh.reports.figures import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 12.0
LEFT = 1.35
RIGHT = 0.3
HEAD = 1.0
COLUMNS = 15
BAND = 0.17
BETWEEN = 0.22
_Row = tuple[str, np.ndarray, np.ndarray | None, np.ndarray | None, str]
"""Name, frames, changes, colours, and the colour of the strokes."""


def rollouts_figure(
    futures: np.ndarray,
    *,
    truth: np.ndarray | None,
    changed: np.ndarray | None,
    colours: np.ndarray | None = None,
    true_colours: np.ndarray | None = None,
    true_changes: np.ndarray | None = None,
    names: Sequence[str] | None = None,
    first: int | None = None,
    title: str | None = None,
) -> Figure:
    """Futures of one context, frames above and, where anything is known of them, every step below
    (Fig. 6).

    Args:
        futures: uint8 (samples, horizon, height, width, channel).
        truth: what happened, uint8 (horizon, ...); None where nothing is known of it.
        changed: e^2 as drawn, bool (samples, horizon); None with one level.
        colours: of the ball at each step, in [0, 1], (samples, horizon, 3), NaN where it has none;
            None for other data.
        true_colours: (horizon, 3).
        true_changes: bool (horizon,).
        names: of the futures; None: they are numbered.
        first: index of the step from which on the frames of successive steps are shown; None: of
            steps that are spread over the horizon.
        title: None: that they are samples.
    """
    rows: list[_Row] = []
    if truth is not None:
        rows.append(("what happened", truth, true_changes, true_colours, canvas.TRUTH))
    for number, frames in enumerate(futures):
        marks = None if changed is None else changed[number]
        band = None if colours is None else colours[number]
        name = f"future {number + 1}" if names is None else names[number]
        rows.append((name, frames, marks, band, canvas.MODEL))
    horizon = futures.shape[1]
    width = WIDTH - LEFT - RIGHT
    columns = min(COLUMNS, horizon)
    if first is None:
        shown = np.unique(np.linspace(0, horizon - 1, columns).round().astype(int))
    else:
        shown = np.arange(first, min(first + columns, horizon))
    side = width / columns - 0.05
    tall = side * futures.shape[2] / futures.shape[3]
    banded = any(known is not None for known in (changed, colours, true_changes))
    row_height = tall + (0.05 + BAND + BETWEEN if banded else 0.1)
    figure = canvas.new_figure(WIDTH, HEAD + len(rows) * row_height + 0.4)
    if title is None:
        more = "" if changed is None else ", and the changes of level 2"
        title = f"Sampled futures of one context{more}"
    canvas.headline(figure, title, _note(horizon, changed, colours, true_changes))
    for column, step in enumerate(shown):
        centre = LEFT + (column + 0.5) * width / columns
        style: dict[str, Any] = {"ha": "center", "fontsize": 8.5, "color": canvas.QUIET}
        canvas.write(figure, centre, HEAD - 0.18, f"+{step + 1}", **style)
    top = HEAD
    for number, (name, frames, marks, band, colour) in enumerate(rows):
        canvas.write(figure, LEFT - 0.12, top + tall / 2, name, ha="right", va="center")
        axes = canvas.place(figure, LEFT, top, width, tall)
        _draw_frames(axes, frames[shown], width, side, tall)
        if banded:
            axes = canvas.place(figure, LEFT, top + tall + 0.05, width, BAND)
            _draw_band(axes, horizon, marks, band, colour)
            if number == len(rows) - 1:
                axes.tick_params(axis="x", labelbottom=True, colors=canvas.QUIET, labelsize=8.5)
                axes.set_xlabel("predicted step", fontsize=8.5, color=canvas.QUIET)
        top += row_height
    return figure


def _draw_frames(axes: Axes, frames: np.ndarray, width: float, side: float, tall: float) -> None:
    """All frames of a row in one pair of axes, whose unit is the inch: many axes are slow."""
    for column, frame in enumerate(frames):
        left = column * width / len(frames) + 0.025
        box = (left, left + side, 0, tall)
        shown = canvas.as_rgb(frame, 3)
        axes.imshow(shown, extent=box, interpolation="nearest", aspect="auto")
    axes.set(xlim=(0, width), ylim=(0, tall))
    axes.axis("off")


def _note(
    horizon: int,
    changed: np.ndarray | None,
    colours: np.ndarray | None,
    true_changes: np.ndarray | None,
) -> str:
    parts = []
    if colours is not None:
        parts.append("the ball's colour, white where it has none")
    if changed is not None:
        parts.append("a blue stroke where level 2 was drawn to change")
    if true_changes is not None:
        parts.append("an orange stroke where something did change")
    return (
        f"Below the frames, all {horizon} steps: {'; '.join(parts)}"
        if parts
        else f"Predicted steps, of {horizon}"
    )


def _draw_band(
    axes: Axes,
    horizon: int,
    marks: np.ndarray | None,
    band: np.ndarray | None,
    colour: str,
) -> None:
    limits = (0.5, horizon + 0.5)
    axes.set_facecolor(canvas.WASH)
    if band is not None:
        shown = np.where(np.isnan(band), 1.0, band)[None]
        axes.imshow(shown, extent=(*limits, 0, 0.72), aspect="auto", interpolation="nearest")
    if marks is not None:
        style: dict[str, Any] = {"color": colour, "linewidth": 1.1}
        axes.vlines(np.flatnonzero(marks) + 0.5, 0.0 if band is None else 0.72, 1.0, **style)
        if band is not None:
            style = {"color": canvas.INK, "linewidth": 0.5}
            axes.vlines(np.flatnonzero(marks) + 0.5, 0, 0.72, **style)
    axes.set(xlim=limits, ylim=(0, 1), yticks=[])
    axes.tick_params(labelbottom=False, length=2, colors=canvas.FAINT)
    for spine in axes.spines.values():
        spine.set_visible(False)
