"""Does each level change where something happened? Counted clip by clip, pooled at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlh.data.clips import Clips
from dlh.evaluation.events import EventScores, event_scores
from dlh.evaluation.rows import clip_generator
from dlh.interfaces import TrainableModel

TOLERANCES = (0, 1, 2)
"""Frames that a change may be off."""
FIRST_LEVEL = 2
"""Level 1 changes at every frame and has no events."""


@torch.no_grad()
def count_events(
    model: TrainableModel, video: Tensor, known: Clips, *, clip: int, seed: int
) -> np.ndarray | None:
    """(levels from 2, tolerances, 4) counts of one clip: steps, true, inferred and matched events.

    None for a model that decides nothing, or has one level.

    Args:
        model: in evaluation mode; its figures say what it decided at every frame.
        video: (time, channel, height, width), context and truth.
        known: the same clip as a batch of one, with its true events; each level is held against
            its own.
        clip: its number, which decides the randomness with ``seed``.
    """
    generator = clip_generator(seed, clip, 0, video.device)
    changed = model.figures(video[None], generator=generator).changed
    if changed is None or changed.shape[2] < FIRST_LEVEL or len(video) < 2:
        return None
    counts = []
    for level in range(FIRST_LEVEL, changed.shape[2] + 1):
        truth = known.truth(level)
        assert truth is not None
        inferred = changed[..., level - 1].cpu()
        counts.append([_counts(inferred, truth, tolerance) for tolerance in TOLERANCES])
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
        of_own = {"true_change_rate": int(of_level[0, 1]) / steps} if apart else {}
        level = {"level": index + FIRST_LEVEL, "rate": rate_of_level} | of_own
        levels.append(level | {"tolerance": found})
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


def _counts(inferred: Tensor, truth: np.ndarray, tolerance: int) -> list[int]:
    scores = event_scores(inferred, truth, tolerance=tolerance)
    return [scores.steps, scores.true_events, scores.inferred_events, scores.matched]
