"""What changes over training: the weight of the divergences, and the learning rate."""

from __future__ import annotations


def beta(step: int, warmup_steps: int) -> float:
    """The weight of both divergences: from 0 at step 0 linearly to 1 at ``warmup_steps``, then 1.

    ``step`` counts the updates done; with ``warmup_steps`` 0 the weight is always 1. The decisions
    of Eq. 4 never see it: they compare raw divergences.
    """
    return 1.0 if step >= warmup_steps else step / warmup_steps


def learning_rate_factor(step: int, *, steps: int, cooldown_steps: int) -> float:
    """What the learning rate is multiplied with: 1, and over the last ``cooldown_steps`` of
    ``steps`` updates a straight line towards 0, which the update after the last would reach.

    ``step`` counts the updates done.
    """
    return min(1.0, (steps - step) / cooldown_steps) if cooldown_steps else 1.0
