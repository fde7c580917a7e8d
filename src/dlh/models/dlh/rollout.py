"""Open-loop prediction: the hierarchy run on its own priors (Sec. 2.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dlh.distributions import Gaussian, nest
from dlh.interfaces import AS_LEARNT, Temperature
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.level import Level
from dlh.models.dlh.step import advance, remembers, split_levels
from dlh.models.dlh.trace import Carried, Noise, Rollout


@torch.no_grad()
def imagine(
    levels: Sequence[Level],
    config: DLHConfig,
    carried: Carried,
    noise: Noise,
    *,
    temperature: Temperature = AS_LEARNT,
) -> tuple[Rollout, Carried]:
    """Draw the future from the prior, nothing else (Sec. 2.4); every e_t before any s_t.

    For each step: e^1 = 1 and e^n ~ Bernoulli(p(e_t^n)), nested; then, for n = N..1, a level that
    changes draws s ~ p(s | d, c), and any other keeps its state, belief, context and memory.

    Args:
        levels: levels 1..N.
        config: of the model.
        carried: what the observed steps left behind.
        noise: of the steps to come; its length is the horizon.
        temperature: of states and decisions.

    Returns:
        What was drawn, and what it leaves behind.
    """
    held, changed, factor = split_levels(carried), carried.changed, list(carried.factor.unbind(1))
    first = ~carried.seen
    states: list[Tensor] = []
    contexts: list[Tensor] = []
    changes: list[Tensor] = []
    for normal, uniform in zip(noise.normal.unbind(1), noise.uniform.unbind(1), strict=True):
        probabilities = [torch.ones_like(uniform[:, 0])]
        for index in range(1, len(levels)):
            change_factor = levels[index].change_factor
            memory, below = held[index].memory, held[index - 1].memory
            read = change_factor.evidence(memory, below, changed[:, index])
            logit, factor[index] = change_factor.step(read, factor[index])
            probabilities.append(torch.where(first, 1.0, temperature.probability(logit)))
        changed = nest(uniform < torch.stack(probabilities, 1), config.nesting)
        first = torch.zeros_like(first)

        priors = [held_by.memory for held_by in held]
        held = advance(
            levels,
            held,
            lambda index, context, memories=priors: levels[index].change_prior(
                memories[index], context
            ),
            temperature.states * normal,
            refreshed=changed,
            remembering=remembers(changed, config),
        )
        states.append(torch.stack([level.state for level in held], 1))
        contexts.append(held[0].context)
        changes.append(changed)

    state = torch.stack(states, 1)
    rollout = Rollout(
        state=state,
        changed=torch.stack(changes, 1),
        frame_context=levels[0].top_down(state[:, :, 0], torch.stack(contexts, 1)),
    )
    left_behind = Carried(
        state=state[:, -1],
        belief=Gaussian(
            torch.stack([level.belief.mean for level in held], 1),
            torch.stack([level.belief.std for level in held], 1),
        ),
        memory=torch.stack([level.memory for level in held], 1),
        context=torch.stack([level.context for level in held], 1),
        changed=changed,
        factor=torch.stack(factor, 1),
        seen=torch.ones_like(carried.seen),
    )
    return rollout, left_behind
