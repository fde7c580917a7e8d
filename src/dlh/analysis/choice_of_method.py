"""Which method finds the events of some videos, decided without a label on held-out ones.

A level is believed where its changes are few, where two passes with other noise find the same ones,
and where it also finds what motion alone finds. Elsewhere motion is asked: its cuts where there are
several a minute, otherwise its change points or its rises, whichever describes motion energy at the
lower cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlh.analysis.event_methods import (
    BY_ENERGY,
    ChangePointDetector,
    CutDetector,
    Detector,
    LevelDetector,
    Method,
    MotionDetector,
)
from dlh.analysis.surprise import Evidence
from dlh.evaluation.event_floors import has_ruptures
from dlh.evaluation.events import count_matched

MOST_CHANGES = 0.3
"""Share of the frames at which a level that holds what lasts changes."""
LEAST_AGREEMENT = 0.8
"""F1 of the events of one pass against those of the other."""
LEAST_CAUGHT = 0.8
"""Share of the events of motion that a level finds too."""
TOGETHER = 0.5
"""Seconds between two events that are the same one, at most."""
MANY_CUTS = 2.0
"""Cuts a minute from which on videos count as edited films."""
CLOSE = 0.25
"""The same in mean times between a level's changes: where they are many, two at random are near."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One held-out video.

    Attributes:
        passes: the evidence of two passes with other noise.
        fps: frames a second of these.
        energy: of its motion, (time,).
        energy_fps: frames a second of this.
    """

    passes: tuple[Evidence, Evidence]
    fps: float
    energy: np.ndarray
    energy_fps: float


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The method, why, and the figures that decided.

    Attributes:
        method: to be taken.
        why: a sentence.
        change_rate: share of the frames at which level 2 changes; in [0, 1].
        agreement: of two passes, F1.
        caught: share of the events of motion that level 2 finds; None where motion finds none.
        cuts: a minute.
        cost_of_changepoint, cost_of_motion: of describing log motion energy by a mean for each
            stretch between its change points, or by one mean and each frame that rises above it:
            squared error in variances of the noise, and 3 ln T for each point or frame; None
            without ruptures.
    """

    method: Method
    why: str
    change_rate: float
    agreement: float
    caught: float | None
    cuts: float
    cost_of_changepoint: float | None
    cost_of_motion: float | None


_LOOKS = {
    "cut": "there are several cuts a minute",
    "changepoint": "motion comes in stretches of different strength",
    "motion": "motion comes in short rises, or is even",
}


def choose_method(seen: Sequence[Seen]) -> Choice:
    """The method for videos like these, of which there is at least one."""
    costs = [_costs(video) for video in seen] if has_ruptures() else None
    by_points, by_rises = (None, None) if costs is None else map(sum, zip(*costs, strict=True))
    in_stretches = by_points is not None and by_rises is not None and by_points < by_rises
    seconds = sum((video.passes[0].frames - 1) / video.fps for video in seen)
    cuts = [CutDetector(energy=video.energy, fps=video.energy_fps) for video in seen]
    cut_rate = 60 * sum(len(each.at(each.threshold)) for each in cuts) / seconds
    by_energy: Method = "changepoint" if in_stretches else "motion"
    if cut_rate >= MANY_CUTS:
        by_energy = "cut"
    kind = BY_ENERGY[by_energy]
    levels = [
        tuple(_times(LevelDetector(evidence=each), video.fps) for each in video.passes)
        for video in seen
    ]
    by_motion = [
        _times(kind(energy=video.energy, fps=video.energy_fps), video.energy_fps) for video in seen
    ]
    frames = sum(video.passes[0].frames - 1 for video in seen)
    changes = sum(len(one) for one, _ in levels)
    near = min(TOGETHER, CLOSE * seconds / changes) if changes else TOGETHER
    rate = changes / frames
    both = sum(count_matched(one, other, near) for one, other in levels)
    total = sum(len(one) + len(other) for one, other in levels)
    agreement = 2 * both / total if total else 0.0
    known = sum(map(len, by_motion))
    found = sum(
        count_matched(one, motion, near) for (one, _), motion in zip(levels, by_motion, strict=True)
    )
    caught = found / known if known else None
    if not rate:
        doubt = "the model's levels change nowhere"
    elif rate > MOST_CHANGES:
        doubt = f"the model's levels change at {rate:.0%} of the frames, too often for a state"
    elif agreement < LEAST_AGREEMENT:
        doubt = f"two passes of the model agree on {agreement:.0%} of its changes only"
    elif caught is not None and caught < LEAST_CAUGHT:
        doubt = f"the model's changes include {caught:.0%} only of what motion shows"
    else:
        doubt = ""
    method: Method = "level"
    why = f"the model's levels change at {rate:.1%} of the frames, and two passes agree on "
    why += f"{agreement:.0%} of these changes"
    if caught is not None:
        why += f", which include {caught:.0%} of what motion shows"
    if doubt:
        method, why = by_energy, f"{doubt}; {_LOOKS[by_energy]}"
    return Choice(
        method=method,
        why=f"on held-out videos {why}",
        change_rate=rate,
        agreement=agreement,
        caught=caught,
        cuts=cut_rate,
        cost_of_changepoint=by_points,
        cost_of_motion=by_rises,
    )


def _costs(video: Seen) -> tuple[float, float]:
    """Of change points and of rises, see :class:`Choice`."""
    detector = ChangePointDetector(energy=video.energy, fps=video.energy_fps)
    signal, each = detector.signal, detector.threshold
    points = [found.frame - 1 for found in detector.at(each)]
    by_points = sum(map(_squares, np.split(signal, points))) + each * len(points)
    rises = MotionDetector(energy=video.energy, fps=video.energy_fps)
    risen = rises.deviations[1:] >= rises.threshold
    return by_points, _squares(signal[~risen]) + each * int(risen.sum())


def _squares(values: np.ndarray) -> float:
    """Squared error of their mean."""
    return float(((values - values.mean()) ** 2).sum())


def _times(detector: Detector, fps: float) -> list[float]:
    """Of all levels together, seconds."""
    frames = {found.frame for found in detector.at(detector.threshold)}
    return [frame / fps for frame in sorted(frames)]
