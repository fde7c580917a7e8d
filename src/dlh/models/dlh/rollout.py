"""Open-loop prediction: the hierarchy run on its own priors (Sec. 2.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dlh.distributions import nest
from dlh.interfaces import AS_LEARNT, Temperature
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.level import Level
from dlh.models.dlh.step import Past, advance, change_logits
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
    """Draw a future from the priors (Sec. 2.4); at each step every e_t before any s_t.

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
    past = Past.of(carried)
    states, contexts, changes = [], [], []
    for normal, uniform in zip(noise.normal.unbind(1), noise.uniform.unbind(1), strict=True):
        logits, factor = change_logits(levels, past)
        probabilities = [torch.ones_like(uniform[:, 0])]
        for logit in logits:
            probabilities.append(torch.where(past.first, 1.0, temperature.probability(logit)))
        changed = nest(uniform < torch.stack(probabilities, 1), config.nesting)
        held, memory = advance(
            levels,
            config,
            past,
            lambda index, context, memory=past.memory: levels[index].change_prior(
                memory[index], context
            ),
            temperature.states * normal,
            refreshed=changed,
            changed=changed,
        )
        past = Past(held, memory, changed, factor, torch.zeros_like(past.first))
        states.append(torch.stack([level.state for level in held], 1))
        contexts.append(held[0].context)
        changes.append(changed)

    state = torch.stack(states, 1)
    rollout = Rollout(
        state=state,
        changed=torch.stack(changes, 1),
        frame_context=levels[0].top_down(state[:, :, 0], torch.stack(contexts, 1)),
    )
    return rollout, past.carried()
