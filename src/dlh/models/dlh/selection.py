"""Selection: which levels change, each by a test on what it holds (Sec. 2.3, Eqs. 4, 5, 34)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import change_posterior, choose, nest
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.level import Level
from dlh.models.dlh.step import Component, Held, advance


@dataclass(frozen=True)
class Selection:
    """The decisions of a step, or of all, and what they rest on, (batch, [time,] levels).

    Level 1 is not tested.

    Attributes:
        changed: e_t.
        change_divergence: KL[q' || p'], nats.
        static_divergence: KL[q' || b_{t-1}], nats.
        change_estimate: q(e_t = 1): of Eq. 34, or where Eq. 4 decides the decision itself.
        factor: hidden state of each level's prior factor; it moves only where Eq. 34 asks the
            factor.
    """

    changed: Tensor
    change_divergence: Tensor
    static_divergence: Tensor
    change_estimate: Tensor
    factor: tuple[Tensor, ...]

    @classmethod
    def stack(cls, steps: Sequence[Selection]) -> Selection:
        """The steps joined over time, (batch, time, levels); the factors are those of the last."""
        return cls(
            torch.stack([step.changed for step in steps], 1),
            torch.stack([step.change_divergence for step in steps], 1),
            torch.stack([step.static_divergence for step in steps], 1),
            torch.stack([step.change_estimate for step in steps], 1),
            steps[-1].factor,
        )


@torch.no_grad()
def select(
    levels: Sequence[Level],
    config: DLHConfig,
    held: Sequence[Held],
    component: Component,
    noise: tuple[Tensor, Tensor],
    *,
    changed_before: Bool[Tensor, "batch levels"],
    factor: tuple[Tensor, ...],
    first: Bool[Tensor, "batch"],
    limits: Float[Tensor, "levels"] | None = None,
) -> Selection:
    """Which levels change (Sec. 2.3): each tests what it holds, so no test waits for another.

    The test compares two divergences (Eqs. 4, 20, 21) under the held context (Eq. 25) or the full
    one (Eq. 24). Without a gradient: the decision is no part of what is differentiated.

    Args:
        levels: levels 1..N.
        config: which of the paper's rules decides, under which context.
        held: by each level, after step t - 1.
        component: the posterior of a level at step t under a context (Eq. 13).
        noise: normal (batch, levels, state) and uniform (batch, levels) of this step.
        changed_before: e_{t-1}.
        factor: hidden state of each level's prior factor.
        first: where this is a sequence's first step, in which every level changes.
        limits: a level whose static divergence is above its limit changes too, nats; None: none.
    """
    normal, uniform = noise
    contexts = held
    if config.selection_context == "full":  # Eq. 24: as if every level were inferred anew
        everywhere = torch.ones_like(changed_before)
        contexts = advance(
            levels, held, component, normal, refreshed=everywhere, remembering=everywhere, lowest=1
        )
    untested = torch.zeros_like(uniform[:, 0])
    change_divergences, static_divergences, estimates = [untested], [untested], [untested + 1]
    factors = list(factor)
    for index in range(1, len(levels)):
        level, before, context = levels[index], held[index], contexts[index].context
        posterior = component(index, context)  # q'
        to_change = posterior.kl(level.change_prior(before.memory, context))  # Eq. 20
        to_static = posterior.kl(before.belief)  # Eq. 21
        if config.decision == "vade":
            read = level.change_factor.evidence(
                before.memory, held[index - 1].memory, changed_before[:, index]
            )
            logit, factors[index] = level.change_factor.step(read, factors[index])
            estimate = change_posterior(to_change, to_static, logit)
        else:
            estimate = choose(to_change, to_static).to(untested.dtype)
        if limits is not None:
            estimate = torch.where(to_static > limits[index], 1.0, estimate)
        change_divergences.append(to_change)
        static_divergences.append(to_static)
        estimates.append(torch.where(first, 1.0, estimate))
    estimate = torch.stack(estimates, 1)
    return Selection(
        changed=nest(uniform < estimate, config.nesting),  # a sure estimate leaves nothing to draw
        change_divergence=torch.stack(change_divergences, 1),
        static_divergence=torch.stack(static_divergences, 1),
        change_estimate=estimate,
        factor=tuple(factors),
    )
