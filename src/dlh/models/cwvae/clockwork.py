"""The folds over time: observe (with evidence) and imagine (without) fold the same step.

Information goes down only through the context: level l reads, at each of its ticks, what the level
above held then. So each level is folded over all its ticks before the next one begins, from the top
down, and the upper ones are short. What a step does not wait for is one call for all ticks: the
shares of context and embedding before the fold, the priors of an observation after it.

Ticks follow an absolute clock: tick i of level l is at frame i k^(l-1). A level that was observed
for a part of its tick only, because the context ended there, holds what it has until its next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import repeat

import torch
from jaxtyping import Float
from torch import Tensor

from dlh.distributions import Gaussian
from dlh.errors import DlhError
from dlh.models.cwvae.cell import Cell, Component
from dlh.models.cwvae.config import CWVAEConfig
from dlh.models.cwvae.trace import Carried, Held, Noise, Rollout, Ticks, Trace


class ContextError(DlhError, ValueError):
    """Frames that do not end where the clock would have them; the message holds how many."""

    code = "context-length"


def observe(
    cells: Sequence[Cell],
    config: CWVAEConfig,
    embeddings: Sequence[Tensor],
    carried: Carried,
    noise: Noise,
) -> tuple[Trace, Carried]:
    """The posteriors of a video, or of the next piece of one.

    Args:
        cells: levels 1..L.
        config: of the model.
        embeddings: of each level (batch, ticks, embedding); level 1 has a tick a frame.
        carried: what the frames before these left behind.
        noise: of these ticks.

    Raises:
        ContextError: the frames before these end within a tick: what that level saw of it cannot be
            completed.
    """
    if carried.frames % config.intervals[-1]:
        raise ContextError(
            f"a piece of video follows a multiple of {config.intervals[-1]} frames, where every "
            f"level ticks; found {carried.frames} frames before it"
        )
    components = [
        [partial(cell.posterior, embedding_share=share) for share in shares.unbind(1)]
        for cell, shares in (
            (cell, cell.posterior_input.share(embedding))
            for cell, embedding in zip(cells, embeddings, strict=True)
        )
    ]
    levels, carried = fold(cells, config, components, carried, noise, embeddings[0].shape[1])
    priors = [cell.prior(ticks.memory) for cell, ticks in zip(cells, levels, strict=True)]
    return Trace(levels, tuple(priors)), carried


def imagine(
    cells: Sequence[Cell], config: CWVAEConfig, carried: Carried, noise: Noise, steps: int
) -> tuple[Rollout, Carried]:
    """``steps`` frames drawn from the priors.

    Args:
        cells: levels 1..L.
        config: of the model.
        carried: what the frames before these left behind.
        noise: of the ticks to come.
        steps: frames to come.

    Raises:
        ContextError: the published rule holds, and not every level would tick at the first frame.
    """
    check_context(config, carried.frames)
    components = [repeat(cell.prior) for cell in cells]
    levels, carried = fold(cells, config, components, carried, noise, steps)
    return Rollout(levels), carried


def check_context(config: CWVAEConfig, frames: int) -> None:
    """Refuse a context that the published code cannot take, if the config says so.

    Raises:
        ContextError: it is no multiple of the slowest clock's ticks.
    """
    slowest = config.intervals[-1]
    if config.context_rule == "published" and frames % slowest:
        raise ContextError(
            f"under the published rule the context is a multiple of {slowest} frames, found "
            f'{frames}; use {max(1, frames // slowest) * slowest}, or context_rule="any"'
        )


def fold(
    cells: Sequence[Cell],
    config: CWVAEConfig,
    components: Sequence[Iterable[Component]],
    carried: Carried,
    noise: Noise,
    steps: int,
) -> tuple[tuple[Ticks, ...], Carried]:
    """All ticks of all levels in the next ``steps`` frames, and what they leave behind.

    Args:
        cells: levels 1..L.
        config: of the model.
        components: what each level draws from, tick by tick.
        carried: what the frames before these left behind.
        noise: of these ticks.
        steps: number of frames.
    """
    done, due = config.ticks(carried.frames), config.ticks(carried.frames + steps)
    outputs = torch.zeros_like(carried.levels[0].output)[:, None]  # above the top: no context
    position, times = 0, due[-1] - done[-1]  # the context of the first tick, and its repeats
    levels: list[Ticks] = []
    left_behind: list[Held] = []
    for index in reversed(range(len(cells))):
        cell, held, ticks = cells[index], carried.levels[index], due[index] - done[index]
        shares = cell.input.share(outputs).repeat_interleave(times, 1)
        shares = shares[:, position : position + ticks]
        found, after = unroll(cell, held, shares, components[index], noise.levels[index])
        levels.insert(0, found)
        left_behind.insert(0, after)
        if index:
            # The outputs from the one that the level holds now, its tick number done - 1, onward;
            # tick i of the level below reads number i // k.
            outputs = torch.cat((held.output[:, None], found.output), 1)
            times = config.clock_factor
            position = done[index - 1] - times * (done[index] - 1)
    return tuple(levels), Carried(carried.frames + steps, tuple(left_behind))


def unroll(
    cell: Cell,
    held: Held,
    context_shares: Float[Tensor, "batch ticks hidden"],
    components: Iterable[Component],
    noise: Float[Tensor, "batch ticks state"],
) -> tuple[Ticks, Held]:
    """One level over its ticks, and what it holds after them."""
    steps: list[Held] = []
    drawn_from: list[Gaussian] = []
    # The components of a rollout have no end.
    for share, normal, component in zip(
        context_shares.unbind(1), noise.unbind(1), components, strict=False
    ):
        held, gaussian = cell.step(held, share, component, normal)
        steps.append(held)
        drawn_from.append(gaussian)
    if not steps:
        no_state, no_memory = held.state[:, None][:, :0], held.memory[:, None][:, :0]
        return Ticks(no_state, no_memory, Gaussian(no_state, no_state)), held
    return Ticks(
        torch.stack([step.state for step in steps], 1),
        torch.stack([step.memory for step in steps], 1),
        Gaussian.stack(drawn_from, 1),
    ), held
