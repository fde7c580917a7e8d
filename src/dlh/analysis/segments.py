"""The stretches between the events of a level, and which of them hold the same state again.

The rule is the model's own test (Eq. 4) with another memory. A segment begins with a posterior q
where q is nearer to the change prior p' than to the state b before: KL[q || p'] <= KL[q || b]. It
is the *same state again* as an earlier segment, which began with the posterior b', where
KL[q || b'] <= KL[q || p']: a level that still believed b' would not have changed. The first segment
of a cluster stands for it; a segment joins the nearest cluster, or begins one.

Between change points of motion the state is the strength of motion, by the same reasoning with the
test of a change point: it is the same again where one mean for both stretches costs less than a
change point between them would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dlh.analysis.event_methods import ChangePointDetector
from dlh.analysis.surprise import Evidence

UNTESTED = 1.0
"""Nats within which the first segment of a video is the same state as an earlier one."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Frames ``first`` to before ``stop`` of a level, None without levels.

    Attributes:
        state: (state,), mean of the posterior at the first frame; None where it is not known.
        cluster: from 1, in the order in which they appear; None where the state is not known.
    """

    level: int | None
    first: int
    stop: int
    state: np.ndarray | None = None
    cluster: int | None = None


class Clusters:
    """The clusters of all levels, or of motion, which grow from video to video of one model.

    They compare with each other only within a level and within one model.
    """

    def __init__(self) -> None:
        self._leaders: dict[int, list[np.ndarray]] = {}
        self._motions: list[tuple[float, int]] = []

    def of_motion(self, mean: float, frames: int, *, noise: float, limit: float) -> int:
        """The cluster of a stretch of motion, a new one where none is near enough.

        Args:
            mean: of its log motion energy.
            frames: over how many.
            noise: standard deviation of a frame's.
            limit: what a change point costs, in variances of the noise.
        """
        costs = [
            frames * other / (frames + other) * ((mean - led) / noise) ** 2
            for led, other in self._motions
        ]
        if costs and min(costs) <= limit:
            return int(np.argmin(costs)) + 1
        self._motions.append((mean, frames))
        return len(self._motions)

    def of(self, level: int, began: np.ndarray, change_divergence: float) -> int:
        """The cluster of a segment, a new one where none is near enough.

        Args:
            level: n.
            began: (2, state), mean and std of the posterior with which it begins.
            change_divergence: KL[q || p'] at its first frame, nats; NaN at the first frame of a
                video, where nothing is tested: the segment then joins what is within
                :data:`UNTESTED` nats.
        """
        leaders = self._leaders.setdefault(level, [])
        limit = UNTESTED if np.isnan(change_divergence) else change_divergence
        if leaders:
            distances = [divergence(began, leader) for leader in leaders]
            nearest = int(np.argmin(distances))
            if distances[nearest] <= limit:
                return nearest + 1
        leaders.append(began)
        return len(leaders)


def divergence(began: np.ndarray, other: np.ndarray) -> float:
    """KL between two diagonal Gaussians, (2, state) mean and std each, nats."""
    (mean, std), (other_mean, other_std) = began.astype(float), other.astype(float)
    ratio, distance = std / other_std, (mean - other_mean) / other_std
    return float((0.5 * (ratio**2 + distance**2 - 1) - np.log(ratio)).sum())


def level_stretches(
    evidence: Evidence, level: int, starts: Sequence[int], clusters: Clusters
) -> list[Stretch]:
    """The segments of one level that begin at the first frame and at these frames.

    Args:
        evidence: of the whole video.
        level: n, from 2.
        starts: frames of its listed events, in order; a change that is not listed ends nothing.
        clusters: of all segments so far; grows.
    """
    began = evidence.began[level - 1]
    changes = np.flatnonzero(evidence.changed[:, level - 1])
    firsts = [0, *(start for start in starts if start)]
    found = []
    for first, stop in zip(firsts, [*firsts[1:], evidence.frames], strict=True):
        state, cluster = None, None
        if began is not None:
            gaussian = began[int(np.searchsorted(changes, first, side="right")) - 1]
            change = float(evidence.change_divergence[first, level - 1])
            state, cluster = gaussian[0], clusters.of(level, gaussian, change)
        found.append(Stretch(level=level, first=first, stop=stop, state=state, cluster=cluster))
    return found


def motion_stretches(
    detector: ChangePointDetector, starts: Sequence[int], clusters: Clusters
) -> list[Stretch]:
    """The segments between change points of motion.

    Args:
        detector: of the whole video.
        starts: frames of the change points, in order.
        clusters: of all segments so far; grows.
    """
    height, noise = detector.height, detector.noise
    found = []
    for stretch in plain_stretches(len(detector.energy), starts):
        own = height[max(0, stretch.first - 1) : stretch.stop - 1]
        mean = float(own.mean())
        cluster = clusters.of_motion(mean, len(own), noise=noise, limit=detector.threshold)
        found.append(replace(stretch, state=np.array([mean]), cluster=cluster))
    return found


def plain_stretches(frames: int, starts: Sequence[int]) -> list[Stretch]:
    """The segments of a method without levels or states."""
    firsts = [0, *(start for start in starts if start)]
    return [
        Stretch(level=None, first=first, stop=stop)
        for first, stop in zip(firsts, [*firsts[1:], frames], strict=True)
    ]
