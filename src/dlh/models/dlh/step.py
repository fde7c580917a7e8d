"""One step of the hierarchy, which inference and rollout both fold over time (Eqs. 11, 12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import Gaussian
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.level import Level
from dlh.models.dlh.trace import Carried, Tensors

Component = Callable[[int, Tensor], Gaussian]
"""What level ``index`` draws its state from under a context: its posterior, or its change prior."""


@dataclass(frozen=True)
class Held(Tensors):
    """What one level holds after a step: s_t, b_t, d_{t+1}, c_t, each ([time,] batch, size)."""

    state: Tensor
    belief: Gaussian
    memory: Tensor
    context: Tensor


def split_levels(carried: Carried) -> list[Held]:
    """What each level holds, of what is carried."""
    parts = (
        carried.state,
        carried.belief.mean,
        carried.belief.std,
        carried.memory,
        carried.context,
    )
    return [
        Held(state, Gaussian(mean, std), memory, context)
        for state, mean, std, memory, context in zip(*(p.unbind(1) for p in parts), strict=True)
    ]


def advance(
    levels: Sequence[Level],
    held: Sequence[Held],
    component: Component,
    noise: Float[Tensor, "batch levels state"],
    *,
    refreshed: Bool[Tensor, "batch levels"],
    remembering: Bool[Tensor, "batch levels"],
    lowest: int = 0,
) -> list[Held]:
    """One step, top-down: a refreshed level draws a state, any other holds what it held.

    For n = N..1::

        s_t^n ~ component, b_t^n = component   where refreshed
        d_{t+1}^n = f_tem^n(s_t^n, d_t^n)      where remembering (Eq. 12)
        c_t^{n-1} = f_dec^n(s_t^n, c_t^n)      where a level above n - 1 was refreshed (Eq. 11)

    Args:
        levels: levels 1..N.
        held: by them, after step t - 1.
        component: the distribution of ``levels[index]`` under a context.
        noise: standard normal.
        refreshed: which levels draw anew.
        remembering: which levels' memory moves.
        lowest: index of the level to stop at; those below are returned as they were.
    """
    after = list(held)
    context = held[-1].context  # of the top level: c^N = 0, and never anything else
    moved = torch.zeros_like(refreshed[:, :1])
    for index in reversed(range(lowest, len(levels))):
        level, before = levels[index], held[index]
        refresh, remember = refreshed[:, index, None], remembering[:, index, None]
        drawn = component(index, context)
        state = torch.where(refresh, drawn.sample(noise[:, index]), before.state)
        memory = torch.where(remember, level.transition.step(state, before.memory), before.memory)
        after[index] = Held(state, drawn.where(refresh, before.belief), memory, context)
        if index > lowest:
            moved = moved | refresh
            below = held[index - 1].context
            context = torch.where(moved, level.top_down(state, context), below)
    return after


def remembers(changed: Bool[Tensor, "..."], config: DLHConfig) -> Bool[Tensor, "..."]:
    """Eq. 12: memory moves where the level changes; ticking memory, at every step."""
    return changed if config.memory == "held" else torch.ones_like(changed)
