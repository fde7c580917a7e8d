"""The step of the hierarchy, which inference and rollout both fold over time (Eqs. 11, 12, 15).

Each function takes one step, or all steps at once where their decisions are known: then every
tensor has a time axis in front, ([time,] batch, ...), and so has what it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import Gaussian, Tensors
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.level import Level
from dlh.models.dlh.trace import Carried
from dlh.networks import latest

Component = Callable[[int, Tensor], Gaussian]
"""(index, context) to the distribution of a level's state: its posterior, or its change prior."""


@dataclass(frozen=True)
class Held(Tensors):
    """What one level holds after a step: s_t, b_t, c_t, each ([time,] batch, size)."""

    state: Tensor
    belief: Gaussian
    context: Tensor


@dataclass(frozen=True)
class Past(Tensors):
    """:class:`~dlh.models.dlh.Carried` with the levels apart: what a step reads of the past.

    Attributes:
        held: what each level holds.
        memory: d_t of each level, (batch, memory).
        changed: e_{t-1}, (batch, levels).
        factor: hidden state of each level's prior factor.
        first: where there was no step before, (batch,).
    """

    held: tuple[Held, ...]
    memory: tuple[Tensor, ...]
    changed: Tensor
    factor: tuple[Tensor, ...]
    first: Tensor

    @classmethod
    def of(cls, carried: Carried) -> Past:
        """From what is carried, with the levels apart."""
        levels = range(carried.changed.shape[1])
        whole = Held(carried.state, carried.belief, carried.context)
        return cls(
            held=tuple(whole.map(lambda part, n=n: part[:, n]) for n in levels),
            memory=carried.memory.unbind(1),
            changed=carried.changed,
            factor=carried.factor.unbind(1),
            first=~carried.seen,
        )

    def carried(self) -> Carried:
        """The same with the levels joined."""
        held = Held.stack(self.held, 1)
        return Carried(
            state=held.state,
            belief=held.belief,
            memory=torch.stack(self.memory, 1),
            context=held.context,
            changed=self.changed,
            factor=torch.stack(self.factor, 1),
            seen=~self.first,
        )


def draw_down(
    levels: Sequence[Level],
    held: Sequence[Held],
    component: Component,
    noise: Float[Tensor, "*time batch levels state"],
    refreshed: Bool[Tensor, "*time batch levels"],
    *,
    lowest: int = 0,
) -> tuple[Held, ...]:
    """Eqs. 5, 11 from the top level down: a refreshed level draws a state, any other holds its own.

    For n = N..1::

        s_t^n ~ component, b_t^n = component   where refreshed, as level 1 is at every step
        c_t^{n-1} = f_dec^n(s_t^n, c_t^n)      where a level above n - 1 was refreshed (Eq. 11)

    No memory takes part: a posterior reads the frame and the levels above it (Eq. 13).

    Args:
        levels: levels 1..N.
        held: by them, before these steps, (batch, size).
        component: the distribution of ``levels[index]`` under a context.
        noise: standard normal.
        refreshed: which levels draw anew.
        lowest: index of the level to stop at; those below are returned as they were.
    """
    after = list(held)
    context = held[-1].context.expand(*noise.shape[:-2], -1)  # of the top level: c^N = 0, always
    moved = torch.zeros_like(refreshed[..., 0])
    for index in reversed(range(lowest, len(levels))):
        before, refresh = held[index], refreshed[..., index]
        belief = component(index, context)
        state = belief.sample(noise[..., index, :])
        if index:
            state = latest(before.state, state, refresh)
            belief = Gaussian(
                latest(before.belief.mean, belief.mean, refresh),
                latest(before.belief.std, belief.std, refresh),
            )
        after[index] = Held(state, belief, context)
        if index > lowest:
            moved = moved | refresh
            below = levels[index].top_down(state, context)
            context = latest(held[index - 1].context, below, moved)
    return tuple(after)


def remember(
    levels: Sequence[Level],
    config: DLHConfig,
    held: Sequence[Held],
    memory: Sequence[Float[Tensor, "batch memory"]],
    changed: Bool[Tensor, "*time batch levels"],
    *,
    lowest: int = 0,
) -> tuple[Float[Tensor, "*time batch memory"], ...]:
    """Eq. 12: d_{t+1} = f_tem(s_t, d_t) where a level changes, d_t elsewhere.

    Level 1 changes at every step, and ticking memory moves at every step. A model without memory
    keeps d as it is: 0 from the start.

    Args:
        levels: levels 1..N, or the first of them.
        config: of the model.
        held: by them after each of these steps.
        memory: d_t of the first of these steps.
        changed: the decisions e_t.
        lowest: index of the first level that remembers; those below are returned as they were.
    """
    after = list(memory)
    for index in range(lowest, len(levels)):
        if config.memory == "none":
            after[index] = memory[index].expand(*changed.shape[:-1], -1)
            continue
        moving = changed[..., index] if index and config.memory == "held" else None
        after[index] = levels[index].transition.after(held[index].state, memory[index], moving)
    return tuple(after)


def advance(
    levels: Sequence[Level],
    config: DLHConfig,
    past: Past,
    component: Component,
    noise: Float[Tensor, "*time batch levels state"],
    *,
    refreshed: Bool[Tensor, "*time batch levels"],
    changed: Bool[Tensor, "*time batch levels"],
    lowest: int = 0,
) -> tuple[tuple[Held, ...], tuple[Tensor, ...]]:
    """:func:`draw_down`, then :func:`remember` (Eqs. 5, 11, 12): what the levels hold, d_{t+1}."""
    held = draw_down(levels, past.held, component, noise, refreshed, lowest=lowest)
    return held, remember(levels, config, held, past.memory, changed, lowest=lowest)


def change_logits(
    levels: Sequence[Level], past: Past
) -> tuple[list[Float[Tensor, "batch"]], tuple[Tensor, ...]]:
    """Eq. 15 at one step: the logits of p(e_t = 1) of levels 2..N, and their factors after it."""
    logits, factors = [], [past.factor[0]]
    for index in range(1, len(levels)):
        factor = levels[index].change_factor
        read = factor.evidence(past.memory[index], past.memory[index - 1], past.changed[:, index])
        logit, hidden = factor.step(read, past.factor[index])
        logits.append(logit)
        factors.append(hidden)
    return logits, tuple(factors)
