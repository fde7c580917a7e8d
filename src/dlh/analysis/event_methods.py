"""Four ways to find the events of a video, each with the threshold that it takes by itself.

Each gives every event a surprise. Only ``level`` asks the model; the others are trivial
detectors on motion energy (:mod:`dlh.evaluation.event_floors`), whose thresholds need no labels.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from dlh.analysis.surprise import Evidence
from dlh.errors import UsageError
from dlh.evaluation.event_floors import change_points, frame_difference, has_ruptures

Method = Literal["level", "motion", "changepoint", "cut"]

DECIDED = 0.0
"""Least surprise of a change of a level, nats."""
NOISE_FACTOR = 5.0
"""Least surprise of motion, robust standard deviations."""
NORMAL_MAD = 1.4826
"""Standard deviation of a normal distribution, in median absolute deviations."""
NORMAL_QUARTILE = 1.1503
"""Upper quartile of the absolute value of a normal distribution, in standard deviations."""
LEAST_MOTION = 1e-5
"""Motion energy below which a video stands still, as a part of the range from black to white."""
SHORTEST_SECONDS = 0.5
"""Between two change points, at least."""
PARAMETERS = 3
"""Of a change point: its place, and the means before and after it."""
CUT = 0.1
"""Motion energy of a cut, at least, as a part of the range from black to white."""
ALONE, BESIDE = 2.0, 2
"""A cut has so many times the motion energy of so many frames on each side, at least."""
MOST_THRESHOLDS = 6


@dataclass(frozen=True, kw_only=True)
class Found:
    """An event before it has a time: its frame, level (None without levels) and surprise."""

    frame: int
    level: int | None
    surprise: float


class Detector(Protocol):
    """The evidence of one video, from which events follow at any threshold."""

    @property
    def method(self) -> Method: ...

    @property
    def unit(self) -> str:
        """Of the surprise."""
        ...

    @property
    def threshold(self) -> float:
        """The one that is taken where none is asked for."""
        ...

    @property
    def reason(self) -> str:
        """Why that one, in a sentence."""
        ...

    def at(self, threshold: float) -> tuple[Found, ...]:
        """The events of at least this surprise, in order of time."""
        ...


@dataclass(frozen=True, kw_only=True)
class LevelDetector:
    """The changes that the model decided (Eq. 4), of one level or of all from 2 on."""

    evidence: Evidence
    level: int | None = None
    method: Method = "level"
    unit: str = "nats"
    threshold: float = DECIDED
    reason: str = (
        "a level changes where the evidence for a change is not below 0 nats (Eq. 4) and the level "
        "below changes too"
    )

    def at(self, threshold: float) -> tuple[Found, ...]:
        """See :class:`Detector`."""
        levels = range(2, self.evidence.levels + 1) if self.level is None else (self.level,)
        found = []
        for level in levels:
            nats = self.evidence.surprise[:, level - 1]
            frames = self.evidence.frames_of(level)
            found += [
                Found(frame=frame, level=level, surprise=float(nats[frame]))
                for frame in frames[nats[frames] >= threshold].tolist()
            ]
        return tuple(sorted(found, key=lambda event: (event.frame, event.level)))


class MotionEnergy:
    """The motion energy of a video, read piece by piece: the mean absolute difference of each frame
    from the one before, over pixels and channels; 0 at the first frame.

    Args:
        keep: whether :meth:`whole` is asked for in the end; a stream has none.
    """

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        self._last: np.ndarray | None = None
        self._parts: list[np.ndarray] = []

    def add(self, piece: np.ndarray) -> np.ndarray:
        """The next frames, uint8 (time, height, width, channel); returns their energy, (time,)."""
        joined = piece if self._last is None else np.concatenate([self._last, piece])
        energy = frame_difference(joined[None])[0]
        energy = energy if self._last is None else energy[1:]
        self._last = piece[-1:].copy()
        if self._keep:
            self._parts.append(energy)
        return energy

    def whole(self) -> np.ndarray:
        """(time,), a part of the range from black to white."""
        return np.concatenate(self._parts) if self._parts else np.zeros(0)


def in_deviations(energy: float | np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Energy above its median, in robust standard deviations (1.48 MAD) of what is usual."""
    median = np.median(usual)
    deviation = NORMAL_MAD * np.median(np.abs(usual - median))
    return (energy - median) / max(float(deviation), LEAST_MOTION)


@dataclass(frozen=True, kw_only=True)
class MotionDetector:
    """Where motion energy rises above a threshold, after half a second at least below it: its first
    frame above, and the highest energy before it falls below for half a second again. A threshold
    above the default one keeps, of the events of that, those that rise so high.

    Of a video that moves for more than half of its frames only what is stronger than its usual
    motion is found, such as a cut.

    Attributes:
        energy: (time,), see :class:`MotionEnergy`.
        fps: frames per second.
    """

    energy: np.ndarray
    fps: float
    method: Method = "motion"
    unit: str = "robust standard deviations of motion energy above its median"
    threshold: float = NOISE_FACTOR
    reason: str = (
        f"of normally distributed noise fewer than one frame in a million is {NOISE_FACTOR:g} "
        "standard deviations above the median"
    )

    @property
    def deviations(self) -> np.ndarray:
        """(time,), the energy in the unit of the surprise; 0 at the first frame."""
        found = in_deviations(self.energy, self.energy[1:])
        found[0] = 0.0
        return found

    def at(self, threshold: float) -> tuple[Found, ...]:
        """See :class:`Detector`."""
        height = self.deviations
        above = 1 + np.flatnonzero(height[1:] >= min(threshold, self.threshold))
        bouts = np.split(above, 1 + np.flatnonzero(np.diff(above) > SHORTEST_SECONDS * self.fps))
        found = [
            Found(frame=int(bout[0]), level=None, surprise=float(height[bout].max()))
            for bout in bouts
            if len(bout)
        ]
        return tuple(event for event in found if event.surprise >= threshold)


@dataclass(frozen=True, kw_only=True)
class ChangePointDetector:
    """Where the mean of the logarithm of motion energy changes for half a second at least.

    The surprise of a change point is the squared error that it saves between its neighbours, in
    variances of the noise: the noise is estimated from half-second means, so that it may last a
    few frames.

    Attributes:
        energy: (time,), see :class:`MotionEnergy`.
        fps: frames per second.

    Raises:
        UsageError: ``ruptures`` is not installed (code "missing-extra").
    """

    energy: np.ndarray
    fps: float
    method: Method = "changepoint"
    unit: str = "variances of the noise of log motion energy"

    def __post_init__(self) -> None:
        check_change_points()

    @property
    def shortest(self) -> int:
        """Frames between two change points, at least."""
        return max(1, math.ceil(SHORTEST_SECONDS * self.fps))

    @property
    def height(self) -> np.ndarray:
        """(time - 1,), log motion energy of every frame after the first."""
        return np.log(np.maximum(self.energy[1:], 0) + LEAST_MOTION)

    @property
    def noise(self) -> float:
        """Standard deviation of the noise of :attr:`height`."""
        height = self.height
        block = self.shortest
        means = height[: len(height) // block * block].reshape(-1, block).mean(1)
        several = block if len(means) > 2 else 1
        steps = np.abs(np.diff(means if several > 1 else height))
        # The upper quartile: motion varies more in some stretches than in others, and a few steps
        # are changes. Of a difference of two means of so many frames, brought to one frame's.
        quartile = np.quantile(steps, 0.75) / NORMAL_QUARTILE if len(steps) else 0.0
        return max(float(quartile * math.sqrt(several / 2)), 1e-3)

    @property
    def signal(self) -> np.ndarray:
        """(time - 1,), :attr:`height` in standard deviations of its noise."""
        return self.height / self.noise

    @property
    def threshold(self) -> float:
        """3 ln T."""
        return PARAMETERS * math.log(max(2, len(self.energy)))

    @property
    def reason(self) -> str:
        """See :class:`Detector`."""
        return (
            f"{PARAMETERS} ln T of T = {len(self.energy)} frames: what the three parameters of a "
            "change point, its place and the means before and after, cost by the Bayesian "
            "information criterion"
        )

    def at(self, threshold: float) -> tuple[Found, ...]:
        """See :class:`Detector`."""
        signal = self.signal
        points = change_points(signal[:, None], threshold, shortest=self.shortest)
        sums = np.concatenate([[0.0], np.cumsum(signal)])

        def fitted(start: int, stop: int) -> float:
            """What a mean of its own explains of the squares of a stretch."""
            return float((sums[stop] - sums[start]) ** 2 / (stop - start))

        places = [0, *points, len(signal)]
        return tuple(
            Found(
                frame=point + 1,
                level=None,
                surprise=fitted(start, point) + fitted(point, stop) - fitted(start, stop),
            )
            for start, point, stop in zip(places[:-2], places[1:-1], places[2:], strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class CutDetector:
    """Where one frame differs from the one before far more than its neighbours do from theirs, as
    where a film is cut. A flash, which differs twice, is none, and a dissolve neither.

    Attributes:
        energy: (time,), see :class:`MotionEnergy`.
        fps: frames per second.
    """

    energy: np.ndarray
    fps: float
    method: Method = "cut"
    unit: str = "motion energy, a part of the range from black to white"
    threshold: float = CUT
    reason: str = (
        f"frames of one shot rarely differ by {CUT:g} of the range from black to white, and then "
        f"not {ALONE:g} times as much as the {BESIDE} frames on each side"
    )

    def at(self, threshold: float) -> tuple[Found, ...]:
        """See :class:`Detector`."""
        beside = np.pad(self.energy[1:], BESIDE)  # the first frame differs from nothing
        windows = np.lib.stride_tricks.sliding_window_view(beside, 2 * BESIDE + 1)
        most = np.delete(windows, BESIDE, axis=1).max(1)
        cuts = (self.energy[1:] >= threshold) & (self.energy[1:] >= ALONE * most)
        return tuple(
            Found(frame=frame, level=None, surprise=float(self.energy[frame]))
            for frame in (1 + np.flatnonzero(cuts)).tolist()
        )


BY_ENERGY: Mapping[str, type[MotionDetector] | type[ChangePointDetector] | type[CutDetector]] = {
    "motion": MotionDetector,
    "changepoint": ChangePointDetector,
    "cut": CutDetector,
}
"""The detectors that look at motion energy, by method."""


def check_change_points() -> None:
    """Raise UsageError where ``ruptures`` is not installed (code "missing-extra")."""
    if not has_ruptures():
        raise UsageError(
            "change points need the package ruptures; install it with pip install 'dlh[events]', "
            "or take another --method",
            code="missing-extra",
        )


def other_thresholds(detector: Detector, chosen: float) -> tuple[float, ...]:
    """The threshold that was chosen, the default, and others that give other numbers of events.

    They are 1, 2 and 5 times powers of ten between a fifth of the default and the largest surprise;
    of those that give the same number the smallest is kept, and of all six at most.
    """
    largest = max((event.surprise for event in detector.at(chosen)), default=0.0)
    least = detector.threshold / 5
    nice = [step * 10.0**power for power in range(-3, 7) for step in (1, 2, 5)]
    kept: dict[int, float] = {}
    for value in [threshold for threshold in nice if least <= threshold <= largest]:
        kept.setdefault(len(detector.at(value)), value)
    fixed = {chosen, detector.threshold}
    known = {len(detector.at(value)) for value in fixed}
    others = [value for count, value in kept.items() if count not in known]
    room = max(0, MOST_THRESHOLDS - len(fixed))
    if len(others) > room:
        evenly = np.linspace(0, len(others) - 1, room).round().astype(int)
        others = [others[index] for index in evenly]
    return tuple(sorted({*fixed, *others}))


class CausalMotion:
    """Motion energy against what was usual in the frames before: for a stream.

    Args:
        fps: frames per second.
        seconds: of the past that say what is usual; nothing is claimed before a tenth of it.
    """

    def __init__(self, fps: float, *, seconds: float = 60.0) -> None:
        window = max(20, round(seconds * fps))
        self._past: deque[float] = deque(maxlen=window)
        self._least, self._quiet = window // 10, math.ceil(SHORTEST_SECONDS * fps)
        self._below = self._quiet + 1

    def next(self, energy: float, threshold: float) -> float | None:
        """The surprise of the next frame if its energy rises to the threshold, otherwise None."""
        height = None
        if len(self._past) >= self._least:
            height = float(in_deviations(energy, np.asarray(self._past)))
        self._past.append(energy)
        if height is None or height < threshold:
            self._below += 1
            return None
        rises, self._below = self._below >= self._quiet, 0
        return height if rises else None
