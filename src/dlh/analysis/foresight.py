"""How well is a change foreseen? Predicted probabilities against what happened (Table 3).

A prediction is p(e_t = 1), made before step t is seen; it may be the model's or an observer's
(:mod:`dlh.analysis.moving_ball.observers`). All arrays are (clips, time) and begin at a clip's
first step, which is not counted: there every level has to change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlh.analysis.pooled import Pooled, pooled_mean
from dlh.models.dlh.trace import Trace

SURE = 1e-6
"""Probabilities are kept so far from 0 and 1 before their logarithm is taken."""


@dataclass(frozen=True, kw_only=True)
class Foresight:
    """Table 3: mean predicted p(e = 1) under both outcomes, inferred and true; None without any.

    Attributes:
        inferred_change: where level 2 changed (Table 3).
        inferred_static: where it did not (Table 3).
        true_change: where something changed.
        true_static: where nothing did.
        surprisal: -log p(what truly happened), nats per step: the proper score of a prediction.
    """

    inferred_change: Pooled | None
    inferred_static: Pooled | None
    true_change: Pooled | None = None
    true_static: Pooled | None = None
    surprisal: Pooled | None = None


def foresight(
    probability: np.ndarray,
    inferred: np.ndarray,
    truth: np.ndarray | None = None,
    counted: np.ndarray | None = None,
) -> Foresight:
    """Predicted changes under both outcomes (Table 3), pooled over clips and t >= 2.

    Args:
        probability: p(e_t = 1), (clips, time).
        inferred: what the level decided, bool.
        truth: what happened, bool; None where that is not known.
        counted: which steps count besides the first, bool; all where None.
    """
    counted = _after_first(np.shape(probability), counted)

    def under(outcome: np.ndarray, happened: bool) -> Pooled | None:
        return pooled_mean(probability, counted & (np.asarray(outcome, bool) == happened))

    known = {}
    if truth is not None:
        safe = np.clip(probability, SURE, 1 - SURE)
        nats = -np.log(np.where(np.asarray(truth, bool), safe, 1 - safe))
        known = {
            "true_change": under(truth, True),
            "true_static": under(truth, False),
            "surprisal": pooled_mean(nats, counted),
        }
    return Foresight(
        inferred_change=under(inferred, True), inferred_static=under(inferred, False), **known
    )


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Do changes that were given p happen in a share p of the cases? A tuple entry is a bin of p.

    Attributes:
        edges: of the bins, one more than there are bins.
        counts: predictions in each bin.
        predicted: their mean p; None in an empty bin.
        happened: the share of them after which a change came; None in an empty bin.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    predicted: tuple[float | None, ...]
    happened: tuple[float | None, ...]

    @property
    def calibration_error(self) -> float:
        """The mean distance between p and the share, weighted by predictions; in [0, 1]."""
        gaps = [
            count * abs(p - share)
            for count, p, share in zip(self.counts, self.predicted, self.happened, strict=True)
            if p is not None and share is not None
        ]
        return sum(gaps) / sum(self.counts)


def reliability(
    probability: np.ndarray,
    outcome: np.ndarray,
    counted: np.ndarray | None = None,
    *,
    bins: int = 10,
) -> Reliability | None:
    """The reliability curve of predicted changes, over bins of equal width; None without a step.

    Args:
        probability: p(e_t = 1), (clips, time).
        outcome: whether it came, inferred or true, bool.
        counted: as in :func:`foresight`.
        bins: how many, at least 1.
    """
    if bins < 1:
        raise ValueError(f"a reliability curve has at least 1 bin, found {bins}")
    counted = _after_first(np.shape(probability), counted)
    chosen = np.asarray(probability, float)[counted]
    came = np.asarray(outcome, bool)[counted]
    if not chosen.size:
        return None
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, chosen, side="right") - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)

    def means(values: np.ndarray) -> tuple[float | None, ...]:
        sums = np.bincount(place, weights=values, minlength=bins)
        return tuple(float(s / n) if n else None for s, n in zip(sums, counts, strict=True))

    return Reliability(
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        predicted=means(chosen),
        happened=means(came.astype(float)),
    )


def of_trace(trace: Trace, level: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p(e_t^n = 1), the decisions e_t^n, and the steps that count, of one level of a trace.

    A step counts where the level below changes, since p is conditioned on that, and where it is
    not a sequence's first.

    Raises:
        ValueError: there is no such level, or it is level 1, which always changes.
    """
    levels = trace.changed.shape[2]
    if not 2 <= level <= levels:
        raise ValueError(
            f"a predicted change belongs to level 2 to {levels} of this model, found level {level}"
        )
    index = level - 1
    counted = trace.reachable[..., index] & ~trace.first
    probability = trace.change_logit[..., index].sigmoid().double()
    parts = (probability, trace.changed[..., index], counted)
    probability, changed, counted = (part.detach().cpu().numpy() for part in parts)
    return probability, changed, counted


def foresight_of(trace: Trace, truth: np.ndarray | None = None, *, level: int = 2) -> Foresight:
    """:func:`foresight` of one level of a trace (Table 3 has level 2).

    Args:
        trace: of clips from their first step on.
        truth: the true changes, bool (clips, time); None where they are not known.
        level: n, from 2.

    Raises:
        ValueError: there is no such level, or it is level 1, which always changes.
    """
    probability, changed, counted = of_trace(trace, level)
    return foresight(probability, changed, truth, counted)


def _after_first(shape: tuple[int, ...], counted: np.ndarray | None) -> np.ndarray:
    if len(shape) != 2 or shape[1] < 2:
        raise ValueError(
            "predictions have axes (clips, time) with at least 2 steps, the first of which is not "
            f"counted; found shape {shape}"
        )
    steps = np.ones(shape, bool) if counted is None else np.array(counted, bool)
    steps[:, 0] = False
    return steps
