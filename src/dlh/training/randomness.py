"""The randomness of a step: a pure function of (seed, step, rank, phase)."""

from __future__ import annotations

import numpy as np
import torch

BATCH = -1
"""In place of a phase: what chooses the batch of a stage that has batches of its own."""


def step_generator(
    seed: int,
    step: int,
    rank: int = 0,
    device: torch.device | str = "cpu",
    *,
    phase: int = 0,
) -> torch.Generator:
    """The generator of everything random that one process does in one phase of a step.

    Nothing is carried from step to step, so a run resumed at step k draws what an unbroken one
    draws there.

    Args:
        seed: the run's seed, not negative.
        step: updates done before this one.
        rank: which process, from 0.
        device: where the noise is drawn; the same arguments give different noise on different kinds
            of device.
        phase: of the step, from 0; or :data:`BATCH`.
    """
    key = (phase % 2**32,) if phase else ()
    entropy = np.random.SeedSequence([seed, step, rank], spawn_key=key)
    bits = entropy.generate_state(1, np.uint64)
    return torch.Generator(device=device).manual_seed(int(bits[0]))
