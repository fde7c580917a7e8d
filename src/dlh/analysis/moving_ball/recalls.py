"""Which changes of Moving Ball are noticed, and which are missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from dlh.data.clips import Clips
from dlh.data.worlds.moving_ball import MovingBallClips
from dlh.evaluation.events import event_scores


def event_recalls(changed: Tensor, clips: Clips) -> dict[str, float]:
    """Recall of bounces and of random changes; only a bounce can be foreseen.

    Args:
        changed: bool (clips, time, levels), of the first steps of the clips.
        clips: of Moving Ball; others know no kinds of events.
    """
    if not isinstance(clips, MovingBallClips) or changed.shape[2] < 2:
        return {}
    steps = changed.shape[1]
    kinds = {"bounces": clips.bounces[:, :steps], "random changes": clips.random_changes[:, :steps]}
    if not all(mask[:, 1:].any() for mask in kinds.values()):
        return {}
    return {name: event_scores(changed[..., 1], mask).recall for name, mask in kinds.items()}


def colour_recalls(changed: Tensor, clips: Clips, colours: Sequence[str]) -> dict[str, float]:
    """Recall of each change of the ball's colour, by name, "green to cyan".

    A level 2 to which two successive colours look alike misses the step between them and notices
    all others: with six colours its recall is .83.

    Args:
        changed: bool (clips, time, levels), of the first steps of the clips.
        clips: of Moving Ball; others know no colours.
        colours: the cycle, in which every event advances by one.
    """
    if not isinstance(clips, MovingBallClips) or changed.shape[2] < 2:
        return {}
    inferred = changed[..., 1]
    steps = inferred.shape[1]
    events = (clips.bounces | clips.random_changes)[:, :steps]
    before = clips.colours[:, : steps - 1]
    recalls: dict[str, float] = {}
    for index, colour in enumerate(colours):
        from_here = np.zeros_like(events)
        from_here[:, 1:] = events[:, 1:] & (before == index)
        if from_here.any():
            following = colours[(index + 1) % len(colours)]
            recalls[f"{colour} to {following}"] = event_scores(inferred, from_here).recall
    return recalls


def mostly_missed(recalls: Mapping[str, float]) -> tuple[str, ...]:
    """The names of changes that are missed more often than found."""
    return tuple(name for name, recall in recalls.items() if recall < 0.5)
