"""Selection: which levels change, each by a test on what it holds (Sec. 2.3, Eqs. 4, 5, 34)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from dlh.distributions import Tensors, change_posterior, choose, nest
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.level import Level
from dlh.models.dlh.step import Component, Past, change_logits, draw_down


@dataclass(frozen=True)
class Selection(Tensors):
    """The decisions of a step, or of all, and the divergences compared, (batch, [time,] levels).

    Level 1 is not tested: its divergences are 0.

    Attributes:
        changed: the decisions e_t, bool.
        change_divergence: KL[q' || p'] (Eq. 20), nats.
        static_divergence: KL[q' || b_{t-1}] (Eq. 21), nats.
        change_estimate: q(e_t = 1): Eq. 34, or the decision of Eq. 4 before nesting, 0 or 1.
    """

    changed: Tensor
    change_divergence: Tensor
    static_divergence: Tensor
    change_estimate: Tensor


@torch.no_grad()
def select(
    levels: Sequence[Level],
    config: DLHConfig,
    past: Past,
    component: Component,
    normal: Float[Tensor, "batch levels state"],
    uniform: Float[Tensor, "batch levels"],
    limits: Float[Tensor, "levels"] | None = None,
) -> tuple[Selection, tuple[Tensor, ...]]:
    """Which levels change at one step (Sec. 2.3), without a gradient.

    Each level compares two divergences (Eqs. 4, 20, 21) under the held context (Eq. 25) or the full
    one (Eq. 24). No test depends on another level's test.

    Args:
        levels: levels 1..N.
        config: which of the paper's rules decides, under which context.
        past: what the steps before left; at a sequence's first step every level changes.
        component: the posterior of a level at this step under a context (Eq. 13).
        normal: standard normal, of this step.
        uniform: in [0, 1), of this step.
        limits: a level whose static divergence (nats) is above its limit changes too; None: no
            limits.

    Returns:
        The decisions, and the hidden states of the prior factors, which move only for Eq. 34.
    """
    contexts = past.held
    if config.selection_context == "full":  # Eq. 24: as if every level were inferred anew
        everywhere = torch.ones_like(past.changed)
        contexts = draw_down(levels, past.held, component, normal, everywhere, lowest=1)
    logits, factor = change_logits(levels, past) if config.decision == "vade" else ([], past.factor)
    untested = torch.zeros_like(uniform[:, 0])
    change_divergences, static_divergences, estimates = [untested], [untested], [untested + 1]
    for index in range(1, len(levels)):
        context = contexts[index].context
        posterior = component(index, context)  # q'
        to_change = posterior.kl(levels[index].change_prior(past.memory[index], context))  # Eq. 20
        to_static = posterior.kl(past.held[index].belief)  # Eq. 21
        if config.decision == "vade":
            estimate = change_posterior(to_change, to_static, logits[index - 1])
        else:
            estimate = choose(to_change, to_static).to(untested.dtype)
        if limits is not None:
            estimate = torch.where(to_static > limits[index], 1.0, estimate)
        change_divergences.append(to_change)
        static_divergences.append(to_static)
        estimates.append(torch.where(past.first, 1.0, estimate))
    estimate = torch.stack(estimates, 1)
    selection = Selection(
        changed=nest(uniform < estimate, config.nesting),  # a sure estimate leaves nothing to draw
        change_divergence=torch.stack(change_divergences, 1),
        static_divergence=torch.stack(static_divergences, 1),
        change_estimate=estimate,
    )
    return selection, factor
