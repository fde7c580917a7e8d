"""The lanes under a film strip: the truth, every level's decisions and predicted probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlh.reports.figures import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT = 0.95  # inches: room for the names of the lanes
RIGHT = 0.3
TRUTH_LANE = 0.24
BETWEEN = 0.07


@dataclass(frozen=True)
class Story:
    """One clip's frames, decisions, truth and predicted probabilities, checked."""

    frames: np.ndarray  # uint8 (time, height, width, 3); perhaps of the beginning only
    changed: np.ndarray  # bool (time, levels), with the first step's forced change taken out
    truth: np.ndarray | None  # bool (time,)
    probability: np.ndarray | None  # (time, levels)
    fps: float | None

    @property
    def length(self) -> int:
        return len(self.changed)

    @property
    def levels(self) -> int:
        return self.changed.shape[1]

    @property
    def active(self) -> np.ndarray:
        """(time,): frames with an inferred change above level 1 or a true event."""
        inferred = np.any(self.changed[:, 1:], axis=1)
        return inferred if self.truth is None else np.logical_or(inferred, self.truth)


@dataclass(frozen=True)
class Lanes:
    """The lanes of one stretch of time, the highest level on top.

    Attributes:
        story: what is drawn.
        limits: the stretch, in frames.
        lane: height of a level's lane, inches.
        detailed: whether p(change) and the truth run through the levels' lanes; otherwise a bar
            code.
        shade: a stretch to mark.
    """

    story: Story
    limits: tuple[float, float]
    lane: float
    detailed: bool
    shade: tuple[float, float] | None = None

    @property
    def height(self) -> float:
        """Of all lanes together, inches."""
        truth = 0.0 if self.story.truth is None else TRUTH_LANE
        return truth + max(self.story.levels - 1, 1) * (self.lane + BETWEEN)

    def draw(self, figure: Figure, top: float, note: str = "") -> None:
        """Draw them from ``top`` inches downwards, with the axis of time and a note below it."""
        width = figure.get_size_inches()[0] - LEFT - RIGHT
        if self.story.truth is not None:
            axes = canvas.place(figure, LEFT, top, width, TRUTH_LANE - 0.04)
            self._draw_truth(axes, self.story.truth)
            top += TRUTH_LANE
        for level in range(self.story.levels, 1, -1) if self.story.levels > 1 else (1,):
            axes = canvas.place(figure, LEFT, top, width, self.lane)
            self._draw_level(axes, level)
            top += self.lane + BETWEEN
        _time_axis(axes, self.story.fps, note)

    def _draw_truth(self, axes: Axes, truth: np.ndarray) -> None:
        _name(axes, "truth")
        times = np.flatnonzero(truth)
        size = 8 if self.detailed else 4.5
        style: dict[str, Any] = {"color": canvas.TRUTH, "markersize": size, "markeredgewidth": 0}
        axes.plot(times, np.full(len(times), 0.5), "v", **style)
        axes.set(xlim=self.limits, ylim=(0, 1))

    def _draw_level(self, axes: Axes, level: int) -> None:
        axes.set_facecolor(canvas.WASH)
        _name(axes, f"level {level}")
        if self.shade is not None:
            axes.axvspan(*self.shade, color="#dbe2e8", linewidth=0)
        if level > 1:
            bars = np.flatnonzero(self.story.changed[:, level - 1])
            colour = canvas.MODEL_PALE if self.detailed else canvas.MODEL
            axes.bar(bars, 1, width=0.92, color=colour, linewidth=0)
            if self.detailed:
                self._draw_details(axes, level)
        axes.set(xlim=self.limits, ylim=(-0.04, 1.04))

    def _draw_details(self, axes: Axes, level: int) -> None:
        if self.story.truth is not None:
            style: dict[str, Any] = {
                "color": canvas.TRUTH,
                "linewidth": 1,
                "linestyle": (0, (2, 2)),
            }
            for time in np.flatnonzero(self.story.truth):
                axes.axvline(time, **style)
        if self.story.probability is not None:
            # One value per frame, so a staircase: its treads are as wide as the bars.
            times = np.arange(1, self.story.length)
            weight = 1.2 if self.limits[1] - self.limits[0] < 60 else 0.7
            shown = self.story.probability[1:, level - 1]
            axes.step(times, shown, where="mid", color=canvas.INK, linewidth=weight)
            style: dict[str, Any] = {
                "fontsize": 7,
                "color": canvas.QUIET,
                "transform": axes.transAxes,
            }
            axes.text(1.004, 0, "0", va="bottom", **style)
            axes.text(1.004, 1, "1", va="top", **style)


def _name(axes: Axes, name: str) -> None:
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    style: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 9, "color": canvas.INK}
    axes.text(-0.012, 0.5, name, transform=axes.transAxes, **style)


def _time_axis(axes: Axes, fps: float | None, note: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True))
    axes.tick_params(axis="x", colors=canvas.QUIET, labelsize=8.5, length=3)
    label = "frame"
    if fps is not None:
        label = "frame and seconds"
        axes.xaxis.set_major_formatter(lambda frame, _: f"{frame:.0f}\n{frame / fps:.4g} s")
    label += f"    ({note})" if note else ""
    axes.set_xlabel(label, fontsize=8.5, color=canvas.QUIET)
