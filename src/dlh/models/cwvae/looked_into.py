"""The levels looked into one by one: frames of other states of a level at a moment.

A level shows what it holds through [z, h]. Another z of one level gives the level below another
context, so its h is that of its last tick computed anew, while its z stays; and so on, down to the
frame. What came before that tick stays as it was inferred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from dlh.distributions import Tensors, normal
from dlh.interfaces import Objective, ObservedLevels
from dlh.models.cwvae.cell import Cell
from dlh.models.cwvae.config import CWVAEConfig
from dlh.models.cwvae.trace import Held, Trace


@dataclass(frozen=True)
class HeldLevels(Tensors):
    """What each level holds, and held before its last tick: at every frame of clips, (batch, time),
    or at some moments, (moments,).

    Attributes:
        state: z.
        memory: h.
        state_before: z of the tick before; 0 at the first one.
        memory_before: likewise.
    """

    state: Float[Tensor, "*where levels state"]
    memory: Float[Tensor, "*where levels memory"]
    state_before: Float[Tensor, "*where levels state"]
    memory_before: Float[Tensor, "*where levels memory"]

    def at(self, clip: Int[Tensor, "moments"], step: Int[Tensor, "moments"]) -> HeldLevels:
        """At some moments of clips."""
        return self.map(lambda part: part[clip, step])


def observed(trace: Trace, found: Objective, config: CWVAEConfig, steps: int) -> ObservedLevels:
    """What the levels inferred, frame by frame; a level changes where it ticks."""

    def over_time(of_ticks: Sequence[Tensor]) -> Tensor:
        parts = zip(of_ticks, config.intervals, strict=True)
        return torch.stack(
            [part.repeat_interleave(ticks, 1)[:, :steps] for part, ticks in parts], 2
        )

    def before(of_ticks: Sequence[Tensor]) -> list[Tensor]:
        return [torch.cat((torch.zeros_like(part[:, :1]), part[:, :-1]), 1) for part in of_ticks]

    states = [ticks.state for ticks in trace.levels]
    memories = [ticks.memory for ticks in trace.levels]
    time = torch.arange(steps, device=states[0].device)
    by_clock = torch.stack([time % ticks == 0 for ticks in config.intervals], -1)
    changed = by_clock.expand(len(states[0]), -1, -1)
    assert found.elbo is not None
    return ObservedLevels(
        state=over_time(states),
        prior_mean=over_time([prior.mean for prior in trace.priors]),
        prior_std=over_time([prior.std for prior in trace.priors]),
        state_kl=found["state_kl"],
        event_kl=torch.zeros_like(found["state_kl"]),
        elbo=found.elbo,
        changed=changed,
        change_probability=torch.zeros_like(found["state_kl"]),
        foreseen=torch.zeros_like(changed),
        source=HeldLevels(
            over_time(states), over_time(memories), over_time(before(states)),
            over_time(before(memories)),
        ),
    )  # fmt: skip


def outputs(
    cells: Sequence[Cell],
    moments: HeldLevels,
    state: Float[Tensor, "moments levels state"],
    *,
    rolled: tuple[int, Held] | None = None,
) -> Float[Tensor, "moments output"]:
    """[z, h] of level 1, with these states of all levels; h of their last ticks computed anew.

    Args:
        cells: levels 1..L.
        moments: what was inferred there.
        state: z of all levels.
        rolled: index of a level, and what it holds instead.
    """
    context = torch.zeros_like(torch.cat((moments.state[:, 0], moments.memory[:, 0]), -1))
    for index in reversed(range(len(cells))):
        if rolled is not None and rolled[0] == index:
            held = rolled[1]
        else:
            cell = cells[index]
            before = Held(moments.state_before[:, index], moments.memory_before[:, index])
            held = Held(state[:, index], cell.transition(before, cell.input.share(context)))
        context = held.output
    return context


def rolled_outputs(
    cells: Sequence[Cell],
    moments: HeldLevels,
    index: int,
    *,
    steps: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "moments steps output"]:
    """[z, h] of level 1 while one level ticks by itself, under the context that it has."""
    cell = cells[index]
    above = index + 1
    context = torch.zeros_like(torch.cat((moments.state[:, 0], moments.memory[:, 0]), -1))
    if above < len(cells):
        context = Held(moments.state[:, above], moments.memory[:, above]).output
    share = cell.input.share(context)
    held = Held(moments.state[:, index], moments.memory[:, index])
    found = [outputs(cells, moments, moments.state)]
    for _ in range(steps):
        noise = normal(held.state.shape, like=held.state, generator=generator)
        held, _ = cell.step(held, share, cell.prior, noise)
        found.append(outputs(cells, moments, moments.state, rolled=(index, held)))
    return torch.stack(found, 1)
