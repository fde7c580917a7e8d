"""The weight of the divergences over training."""

from __future__ import annotations


def beta(step: int, warmup_steps: int) -> float:
    """The weight of both divergences: from 0 at step 0 linearly to 1 at ``warmup_steps``, then 1.

    ``step`` counts the updates done; with ``warmup_steps`` 0 the weight is always 1. The decisions
    of Eq. 4 never see it: they compare raw divergences.
    """
    return 1.0 if step >= warmup_steps else step / warmup_steps
