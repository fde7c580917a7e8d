"""Do the inferred changes fall where something changed, and how deep do they reach?

All statistics run over t >= 2, pooled over clips: at a sequence's first step every level is forced
to change, which says nothing about the model and would add (N - 1) / T to the depth. The masks
given here start at that first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlh.interfaces import TrainableModel

Mask = Tensor | np.ndarray
TOLERANCES = (0, 1, 2)
"""Frames that a change may be off, in a table of scores."""
FIRST_LEVEL = 2
"""Level 1 changes at every frame and has no events."""


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


@torch.no_grad()
def count_events(
    model: TrainableModel, video: Tensor, truth: np.ndarray, *, generator: torch.Generator
) -> np.ndarray | None:
    """(levels from 2, tolerances, 4) counts of one clip: steps, true, inferred and matched events.

    None for a model that decides nothing, or has one level.

    Args:
        model: in evaluation mode; its figures say what it decided at every frame.
        video: (time, channel, height, width), context and truth.
        truth: bool (time,), true events.
        generator: of what the model draws.
    """
    changed = model.figures(video[None], generator=generator).changed
    if changed is None or changed.shape[2] < FIRST_LEVEL or len(truth) < 2:
        return None
    counts = [
        [astuple(event_scores(one.cpu(), truth[None], tolerance=each)) for each in TOLERANCES]
        for one in changed[..., FIRST_LEVEL - 1 :].unbind(2)
    ]
    return np.array(counts, dtype=np.int64)


def pool_events(counts: Sequence[np.ndarray]) -> dict[str, Any]:
    """Precision, recall and F1 of every level and tolerance, pooled over clips, and the best level.

    Beside them stands what a detector scores that claims an event at every frame.
    """
    total = np.sum(counts, axis=0)
    steps, true_events = int(total[0, 0, 0]), int(total[0, 0, 1])
    rate = true_events / steps
    levels: list[dict[str, Any]] = []
    for index, of_level in enumerate(total):
        found = {}
        for tolerance, four in zip(TOLERANCES, of_level, strict=True):
            scores = EventScores(
                steps=int(four[0]),
                true_events=int(four[1]),
                inferred_events=int(four[2]),
                matched=int(four[3]),
            )
            found[str(tolerance)] = {
                "precision": scores.precision,
                "recall": scores.recall,
                "f1": scores.f1,
            }
        rate_of_level = int(of_level[0, 2]) / steps
        levels.append({"level": index + FIRST_LEVEL, "rate": rate_of_level, "tolerance": found})
    best = max(levels, key=lambda level: (level["tolerance"]["0"]["f1"], -level["level"]))
    return {
        "true_change_rate": rate,
        "true_events": true_events,
        "levels": levels,
        "best_level": best["level"],
        "every_frame": {
            "precision": rate,
            "recall": 1.0 if true_events else 0.0,
            "f1": 2 * rate / (1 + rate),
        },
    }


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
