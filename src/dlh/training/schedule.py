"""What changes over training: the weight of the divergences, and the learning rate."""

from __future__ import annotations

LOW = 0.03
"""The weight of the divergences after ``low_steps`` updates."""


def beta(step: int, warmup_steps: int, low_steps: int = 0) -> float:
    """The weight of both divergences: it rises in a straight line from 0 to 1 at ``warmup_steps``.

    Or in two lines: to :data:`LOW` at ``low_steps``, and from there to 1 at ``warmup_steps``.

    ``step`` counts the updates done; with ``warmup_steps`` 0 the weight is always 1. The decisions
    of Eq. 4 never see it: they compare raw divergences.
    """
    if step >= warmup_steps:
        return 1.0
    if not low_steps:
        return step / warmup_steps
    if step <= low_steps:
        return LOW * step / low_steps
    return LOW + (1 - LOW) * (step - low_steps) / (warmup_steps - low_steps)


REWARM_STEPS = 500
"""In which a learning rate that had begun to fall rises again. At once, a model that has settled
under a small one is thrown out of what it has learnt (docs/commands.md)."""


def learning_rate_factor(
    step: int, *, steps: int, cooldown_steps: int, rewarm_from: int = 0, steps_before: int = 0
) -> float:
    """What the learning rate is multiplied with: 1, and over the last ``cooldown_steps`` of
    ``steps`` updates a straight line towards 0, which the update after the last would reach.

    Of a run that was to end after ``steps_before`` updates and was asked at step ``rewarm_from``
    for more, it rises from what it was there in a straight line over :data:`REWARM_STEPS`.

    ``step`` counts the updates done.
    """
    if not cooldown_steps:
        return 1.0
    factor = min(1.0, (steps - step) / cooldown_steps)
    if rewarm_from:
        was = min(1.0, max(0.0, (steps_before - rewarm_from) / cooldown_steps))
        factor = min(factor, was + (1 - was) * (step + 1 - rewarm_from) / REWARM_STEPS)
    return factor
