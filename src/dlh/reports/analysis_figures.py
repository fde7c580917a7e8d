"""The figures of an analysis, by name; each is written as PNG and as PDF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlh.analysis.findings import Findings
from dlh.analysis.level_findings import LevelFindings, Shown
from dlh.analysis.moving_ball.ball import BallReading
from dlh.data.worlds.moving_ball import RGB, MovingBallConfig
from dlh.reports.figures.curves import psnr_figure
from dlh.reports.figures.events import events_figure
from dlh.reports.figures.levels import FrameRow, frame_rows_figure
from dlh.reports.figures.rollouts import rollouts_figure
from dlh.reports.figures.statistics import levels_figure, reliability_figure, tracking_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = (
    "levels", "events", "reliability", "exchanged", "rolled", "futures", "tracking", "psnr"
)  # fmt: skip
"""Of all figures that there may be."""
SHOWN_CLIP = 0
SHOWN_FUTURES = 5


def figures(findings: Findings) -> dict[str, Callable[[], Figure]]:
    """What draws each figure that applies; the order is that of the page."""
    found: dict[str, Callable[[], Figure]] = {"levels": lambda: _levels(findings)}
    if findings.changed is not None and findings.changed.shape[2] > 1:
        found["events"] = lambda: _events(findings)
    if findings.reliability:
        found["reliability"] = lambda: reliability_figure(findings.reliability)
    found["exchanged"] = lambda: exchanged_figure(findings.levels, findings.all_levels_variance)
    found["rolled"] = lambda: rolled_figure(findings.levels)
    found["futures"] = lambda: _futures(findings)
    if findings.futures.tracking is not None:
        found["tracking"] = lambda: _tracking(findings)
    found["psnr"] = lambda: _psnr(findings)
    return found


def _levels(findings: Findings) -> Figure:
    truth = findings.truth
    return levels_figure(
        change_rates=[level.change_rate for level in findings.levels],
        state_kl=[level.state_kl.mean for level in findings.levels],
        errors=[level.state_kl.error for level in findings.levels],
        true_change_rate=None if truth is None else float(truth[:, 1:].mean()),
        steps=findings.steps,
    )


def _events(findings: Findings) -> Figure:
    truth, probability, changed = findings.truth, findings.change_probability, findings.changed
    steps = findings.steps
    assert changed is not None
    return events_figure(
        findings.shown.clips.video[SHOWN_CLIP, :steps],
        changed[SHOWN_CLIP],
        truth=None if truth is None else truth[SHOWN_CLIP],
        change_probability=None if probability is None else probability[SHOWN_CLIP],
        fps=findings.shown.fps,
    )


def exchanged_figure(levels: Sequence[LevelFindings], all_levels_variance: float) -> Figure:
    """Frames with one level's state taken from other moments, for each level (Figs. 5a, 10, 11).

    Args:
        levels: what they hold, from the lowest.
        all_levels_variance: of pixels, with all levels exchanged.
    """

    def note(level: LevelFindings) -> str:
        return f"variance\n{level.variance_elsewhere:.1e}"

    groups = _groups(levels, lambda level: level.exchanged, note)
    columns = groups[0][0].frames.shape[0]
    return frame_rows_figure(
        groups,
        title="What does each level hold?",
        note="Each row: a frame, and the same with one level's state taken from other moments, all "
        f"other levels as they were. With all levels exchanged the variance of pixels is "
        f"{all_levels_variance:.1e}.",
        first="as inferred",
        columns=[""] * columns,
    )


def rolled_figure(levels: Sequence[LevelFindings]) -> Figure:
    """Frames of one level's own transitions, for each level (Fig. 5b)."""
    groups = _groups(levels, lambda level: level.rolled, lambda level: "")
    columns = groups[0][0].frames.shape[0]
    return frame_rows_figure(
        groups,
        title="What does each level expect next?",
        note="Each row: a frame, and what follows when one level alone makes one transition after "
        "the other.",
        first="as inferred",
        columns=[f"+{step}" for step in range(1, columns + 1)],
    )


def _groups(
    levels: Sequence[LevelFindings],
    shown: Callable[[LevelFindings], Shown],
    note: Callable[[LevelFindings], str],
) -> list[list[FrameRow]]:
    """For each moment a row of each level, the highest on top."""
    moments = len(shown(levels[0]).own)
    return [
        [
            FrameRow(
                name=f"level {level.level}",
                first=shown(level).own[moment],
                frames=shown(level).frames[moment],
                note=note(level) if moment == 0 else "",
                level=level.level,
            )
            for level in reversed(levels)
        ]
        for moment in range(moments)
    ]


def _futures(findings: Findings) -> Figure:
    futures, clips = findings.futures, findings.shown.clips
    start, horizon = futures.context_steps, futures.shown.shape[1]
    piece = slice(start, start + horizon)
    ball = findings.shown.ball

    def colours(reading: BallReading | None) -> np.ndarray | None:
        return None if reading is None or ball is None else colour_band(reading, ball)

    of_futures = colours(futures.shown_reading)
    return rollouts_figure(
        futures.shown[:SHOWN_FUTURES],
        truth=clips.video[SHOWN_CLIP, piece],
        changed=futures.shown_changed,
        colours=of_futures,
        true_colours=colours(futures.truth_reading),
        true_changes=None if clips.events is None else clips.events[SHOWN_CLIP, piece],
    )


def colour_band(reading: BallReading, ball: MovingBallConfig) -> np.ndarray:
    """The colour at each step, (..., 3) in [0, 1]; NaN where there is none."""
    palette = np.array([RGB[name] for name in ball.colours], float) / 255
    colours = palette[reading.colour.numpy()]
    colours[~reading.clear.numpy()] = np.nan
    return colours


def _tracking(findings: Findings) -> Figure:
    tracking = findings.futures.tracking
    known = findings.futures.best_tracking
    assert tracking is not None
    return tracking_figure(
        tracking.still_there(best=True),
        tracking.still_there(best=False),
        known=None if known is None else known.still_there(best=False),
        samples=tracking.steps.shape[1],
        radius=tracking.radius,
    )


def _psnr(findings: Findings) -> Figure:
    model, floors = findings.futures.model, findings.futures.floors
    return psnr_figure(
        best=model.best_curve,
        mean=model.mean_curve,
        floors={name: scores.best_curve for name, scores in floors.items()},
        window=model.window,
        samples=model.samples,
    )
