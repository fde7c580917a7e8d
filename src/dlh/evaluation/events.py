"""Do the inferred changes fall where something changed, and how deep do they reach?

All statistics run over t >= 2, pooled over clips: at a sequence's first step every level is forced
to change, which says nothing about the model and would add (N - 1) / T to the depth. The masks
given here start at that first step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from dlh.data.clips import Clips

Mask = Tensor | np.ndarray


@dataclass(frozen=True, kw_only=True)
class EventScores:
    """Inferred changes against true ones, pooled over clips and t >= 2.

    A ratio over nothing is 1 where nothing was true and nothing was claimed, and 0 where only one
    of the two is empty: a level that never changes has found no event, and its silence earns no
    precision.

    Attributes:
        steps: frames counted.
        true_events: frames on which something changed.
        inferred_events: frames on which the level changed.
        matched: pairs of an inferred and a true event, each used once.
    """

    steps: int
    true_events: int
    inferred_events: int
    matched: int

    @property
    def precision(self) -> float:
        """How many of the inferred events are true ones."""
        return _ratio(self.matched, self.inferred_events, self.true_events)

    @property
    def recall(self) -> float:
        """How many of the true events were inferred."""
        return _ratio(self.matched, self.true_events, self.inferred_events)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.matched, self.true_events + self.inferred_events, 0)

    @property
    def true_change_rate(self) -> float:
        """True events per step."""
        return self.true_events / self.steps

    @property
    def inferred_rate(self) -> float:
        """Inferred events per step."""
        return self.inferred_events / self.steps


def event_scores(inferred: Mask, truth: Mask, *, tolerance: int = 0) -> EventScores:
    """Compare the changes of one level, usually level 2, with the truth.

    For the recall of one kind of event (bounces, random changes) pass its mask alone as the truth
    and read ``recall``; the precision then means nothing.

    Args:
        inferred: bool, (batch, time), e_t^n.
        truth: bool, (batch, time).
        tolerance: how many frames apart a pair may be. Each event is in one pair at most.
    """
    inferred, truth = _clips(inferred, "the inferred changes"), _clips(truth, "the true changes")
    if inferred.shape != truth.shape:
        raise ValueError(
            f"inferred and true changes need one shape, found {inferred.shape} and {truth.shape}"
        )
    if tolerance < 0:
        raise ValueError(f"the tolerance is at least 0 frames, found {tolerance}")
    inferred, truth = inferred[:, 1:], truth[:, 1:]
    pairs = zip(inferred, truth, strict=True)
    return EventScores(
        steps=truth.size,
        true_events=int(truth.sum()),
        inferred_events=int(inferred.sum()),
        matched=sum(_matched(ours, theirs, tolerance) for ours, theirs in pairs),
    )


def scores_by_level(changed: Mask, clips: Clips) -> dict[int, EventScores]:
    """Level 2 against the true events, and every level above it that has a truth of its own.

    Empty where the clips do not know their events, or there is one level.

    Args:
        changed: bool, (batch, time, levels), e_t^n of the first steps of the clips.
        clips: what is known of them.
    """
    steps, levels = changed.shape[1:]
    highest = levels if clips.level_events is not None else min(levels, 2)
    found = {}
    for level in range(2, highest + 1):
        if (truth := clips.truth(level)) is not None:
            found[level] = event_scores(changed[..., level - 1], truth[:, :steps])
    return found


def change_rates(changed: Mask) -> tuple[float, ...]:
    """How often each level changes, per step over t >= 2; the first entry is level 1 and is 1.

    Args:
        changed: bool, (batch, time, levels), e_t^n.
    """
    rates = _levels(changed)[:, 1:].mean((0, 1))
    return tuple(float(rate) for rate in rates)


def mean_depth(changed: Mask) -> float:
    """Mean number of employed levels over t >= 2 (level 1 counts), to be held against 1 + the true
    change rate.

    Args:
        changed: bool, (batch, time, levels), e_t^n.
    """
    return float(_levels(changed)[:, 1:].sum(2).mean())


def mean_depth_with_first(changed: Mask) -> float:
    """L-bar = (1/T) sum_t sum_n e_t^n with the forced first step, as in the paper's Table 2."""
    return float(_levels(changed).sum(2).mean())


def _ratio(matched: int, claimed: int, other: int) -> float:
    if claimed:
        return matched / claimed
    return 0.0 if other else 1.0


def _matched(inferred: np.ndarray, truth: np.ndarray, tolerance: int) -> int:
    """The largest number of pairs, found by walking through both in order of time."""
    ours, theirs = np.flatnonzero(inferred), np.flatnonzero(truth)
    count = mine = other = 0
    while mine < len(ours) and other < len(theirs):
        distance = int(ours[mine]) - int(theirs[other])
        if abs(distance) <= tolerance:
            count += 1
        mine += distance <= tolerance
        other += distance >= -tolerance
    return count


def _clips(mask: Mask, name: str) -> np.ndarray:
    return _checked(mask, ("batch", "time"), name)


def _levels(changed: Mask) -> np.ndarray:
    return _checked(changed, ("batch", "time", "levels"), "the changes of all levels")


def _checked(mask: Mask, axes: tuple[str, ...], name: str) -> np.ndarray:
    array = mask.detach().cpu().numpy() if isinstance(mask, Tensor) else np.asarray(mask)
    if array.dtype != np.bool_ or array.ndim != len(axes):
        raise ValueError(
            f"{name}: expected bool of axes {axes}, found {array.dtype} of shape {array.shape}"
        )
    if array.shape[1] < 2:
        raise ValueError(
            f"{name}: events are counted from the second frame on, found {array.shape[1]} frame(s)"
        )
    return array
