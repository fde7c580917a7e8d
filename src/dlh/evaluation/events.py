"""Do the inferred changes fall where something changed, and how deep do they reach?

All statistics run over t >= 2, pooled over clips: at a sequence's first step every level is forced
to change, which says nothing about the model and would add (N - 1) / T to the depth. The masks
given here start at that first step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlh.data.clips import Clips
from dlh.interfaces import TrainableModel

Mask = Tensor | np.ndarray
TOLERANCES = (0, 1, 2)
"""Frames that a change may be off, in a table of scores."""
FIRST_LEVEL = 2
"""Level 1 changes at every frame and has no events."""


@dataclass(frozen=True)
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

    def to_plain(self) -> dict[str, float]:
        """Precision, recall and F1, as JSON files have them."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1}


def levels_to_plain(levels: Mapping[int, EventScores]) -> dict[str, dict[str, float]]:
    """The scores of levels against true events of their own, as JSON files have them."""
    return {
        f"L{level}": scores.to_plain() | {"true_change_rate": scores.true_change_rate}
        for level, scores in levels.items()
    }


def detectors_to_plain(detectors: Mapping[str, EventScores]) -> list[dict[str, Any]]:
    """The scores of detectors by name, as JSON files have them."""
    return [{"name": name, **scores.to_plain()} for name, scores in detectors.items()]


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
        matched=sum(
            count_matched(np.flatnonzero(ours).tolist(), np.flatnonzero(theirs).tolist(), tolerance)
            for ours, theirs in pairs
        ),
    )


def timed_scores(
    found: Sequence[float], truth: Sequence[float], *, tolerance: float, steps: int
) -> EventScores:
    """The same of events that are given by their times, in order, such as those that a person
    labelled.

    Args:
        found, truth: seconds.
        tolerance: how many seconds apart a pair may be, with a microsecond for rounding.
        steps: frames after the first.
    """
    return EventScores(
        steps=steps,
        true_events=len(truth),
        inferred_events=len(found),
        matched=count_matched(found, truth, tolerance + 1e-6),
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


@torch.no_grad()
def count_events(
    model: TrainableModel, video: Tensor, known: Clips, *, generator: torch.Generator
) -> np.ndarray | None:
    """(levels from 2, tolerances, 4) counts of one clip: steps, true, inferred and matched events.

    None for a model that decides nothing, or has one level.

    Args:
        model: in evaluation mode; its figures say what it decided at every frame.
        video: (time, channel, height, width), context and truth.
        known: the same clip as a batch of one, with its true events; each level is held against
            its own.
        generator: of what the model draws.
    """
    changed = model.figures(video[None], generator=generator).changed
    if changed is None or changed.shape[2] < FIRST_LEVEL or len(video) < 2:
        return None
    counts = []
    for level in range(FIRST_LEVEL, changed.shape[2] + 1):
        truth, inferred = known.truth(level), changed[..., level - 1].cpu()
        assert truth is not None
        counts.append(
            [astuple(event_scores(inferred, truth, tolerance=each)) for each in TOLERANCES]
        )
    return np.array(counts, dtype=np.int64)


def pool_events(counts: Sequence[np.ndarray]) -> dict[str, Any]:
    """Precision, recall and F1 of every level and tolerance, pooled over clips, and the best level.

    Where the levels have truths of their own, each has its ``true_change_rate``; that of the whole
    is level 2's, of every event. Beside them stands what a detector scores that claims an event at
    every frame.
    """
    total = np.sum(counts, axis=0)
    steps, true_events = int(total[0, 0, 0]), int(total[0, 0, 1])
    rate = true_events / steps
    apart = len(set(total[:, 0, 1].tolist())) > 1
    levels: list[dict[str, Any]] = []
    for index, of_level in enumerate(total):
        of_own = {"true_change_rate": int(of_level[0, 1]) / steps} if apart else {}
        levels.append({"level": index + FIRST_LEVEL, **of_own, **rate_and_scores(of_level)})
    # A level with nothing to find is not the best for its silence.
    finding = [level for level in levels if level.get("true_change_rate", 1)] or levels
    best = max(finding, key=lambda level: (level["tolerance"]["0"]["f1"], -level["level"]))
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


def rate_and_scores(counts: np.ndarray) -> dict[str, Any]:
    """``rate``, of claimed events a frame, and by ``tolerance`` precision, recall and F1, of pooled
    counts (tolerances, 4): steps, true, inferred and matched events.
    """
    scores = [EventScores(*map(int, four)) for four in counts]
    named = zip(TOLERANCES, scores, strict=True)
    return {
        "rate": scores[0].inferred_rate,
        "tolerance": {str(tolerance): each.to_plain() for tolerance, each in named},
    }


def _ratio(matched: int, claimed: int, other: int) -> float:
    if claimed:
        return matched / claimed
    return 0.0 if other else 1.0


def count_matched(ours: Sequence[float], theirs: Sequence[float], tolerance: float) -> int:
    """The largest number of pairs of two events that are at most ``tolerance`` apart, each used
    once: found by walking through both, which are in order of time.
    """
    count = mine = other = 0
    while mine < len(ours) and other < len(theirs):
        distance = ours[mine] - theirs[other]
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
