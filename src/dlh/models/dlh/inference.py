"""Inference: everything about a video that the levels infer, given which of them change.

Only the decisions are sequential in time (:mod:`dlh.models.dlh.decide`). Everything with a gradient
follows in batched calls over time, level by level from the top; a memory is one recurrence over the
steps at which it moves. Tensors of single levels have the time axis first, (time, batch, size); a
:class:`Trace` has all levels, the batch axis first.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import Gaussian, reach
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.decide import Evidence, decide_all
from dlh.models.dlh.level import Level
from dlh.models.dlh.step import Held, Past, advance
from dlh.models.dlh.trace import Carried, Components, Noise, Trace


def observe(
    levels: Sequence[Level],
    config: DLHConfig,
    features: Float[Tensor, "time batch features"],
    carried: Carried,
    noise: Noise,
    *,
    limits: Float[Tensor, "levels"] | None = None,
    compiled: bool = False,
) -> tuple[Trace, Carried]:
    """Passes 2 and 3: decide step by step (Eqs. 1, 4, 5), then complete what can be batched.

    Args:
        levels: levels 1..N.
        config: of the model.
        features: x_t^1 (Eq. 10).
        carried: what the steps before these left behind.
        noise: of these steps.
        limits: a level whose static divergence (nats) is above its limit changes; see
            :mod:`dlh.models.dlh.emergence`.
        compiled: whether the loop over time is compiled.

    Returns:
        The trace of these steps, and what they leave behind.
    """
    evidence = Evidence.of(levels, features)
    selection = decide_all(
        levels, config, evidence, carried, noise, limits=limits, compiled=compiled
    )
    changed = selection.changed.transpose(0, 1)
    apart, memories = advance(
        levels,
        config,
        Past.of(carried),
        partial(evidence.posterior, levels),
        noise.normal.transpose(0, 1),
        refreshed=reach(changed, config.nesting),
        changed=changed,
    )
    held, memory_after = join_levels(apart), over_levels(memories)
    memory = earlier_step(carried.memory, memory_after)
    components, factor = compare(
        levels, config, held, memory, selection.changed, selection.change_estimate, carried
    )
    trace = Trace(
        **vars(components),
        state=held.state,
        memory=memory,
        context=held.context,
        frame_context=levels[0].top_down(held.state[:, :, 0], held.context[:, :, 0]),
        change_divergence=selection.change_divergence,
        static_divergence=selection.static_divergence,
    )
    left_behind = Carried(
        state=held.state[:, -1],
        belief=held.belief.map(lambda part: part[:, -1]),
        memory=memory_after[:, -1],
        context=held.context[:, -1],
        changed=selection.changed[:, -1],
        factor=factor,
        seen=torch.ones_like(carried.seen),
    )
    return trace, left_behind


def compare(
    levels: Sequence[Level],
    config: DLHConfig,
    held: Held,
    memory: Float[Tensor, "batch time levels memory"],
    changed: Bool[Tensor, "batch time levels"],
    change_estimate: Float[Tensor, "batch time levels"],
    carried: Carried,
) -> tuple[Components, Float[Tensor, "batch levels factor"]]:
    """Eqs. 14, 15 at all steps: the change priors and prior factors, beside what is held.

    Args:
        levels: levels 1..N.
        config: of the model.
        held: by all levels, (batch, time, levels, size).
        memory: d_t.
        changed: the decisions e_t.
        change_estimate: q(e_t = 1).
        carried: what the steps before these left behind.

    Returns:
        What the bound compares, and the hidden states of the prior factors after the last step.
    """
    changed_before = earlier_step(carried.changed, changed)
    first = torch.zeros_like(changed[..., 0])
    first[:, 0] = ~carried.seen
    priors: list[Gaussian] = []
    logits, factors = [torch.zeros_like(memory[..., 0, 0])], [carried.factor[:, 0]]
    for index, level in enumerate(levels):
        priors.append(level.change_prior(memory[:, :, index], held.context[:, :, index]))
        if index:
            read = level.change_factor.evidence(
                memory[:, :, index], memory[:, :, index - 1], changed_before[:, :, index]
            )
            logit, hidden = level.change_factor.sequence(
                read.transpose(0, 1), carried.factor[:, index]
            )
            logits.append(logit.transpose(0, 1))
            factors.append(hidden)
    components = Components(
        posterior=held.belief,
        static_prior=Gaussian.zip([carried.belief, held.belief], lambda two: earlier_step(*two)),
        change_prior=Gaussian.stack(priors, 2),
        changed=changed,
        change_estimate=change_estimate,
        change_logit=torch.stack(logits, 2),
        reachable=reach(changed, config.nesting),
        first=first,
    )
    return components, torch.stack(factors, 1)


def join_levels(apart: Sequence[Held]) -> Held:
    """What all levels hold, (batch, time, levels, size), from each level's, time axis first."""
    return Held.zip(apart, over_levels)


def over_levels(parts: Sequence[Float[Tensor, "time batch size"]]) -> Tensor:
    """The levels' tensors joined, (batch, time, levels, size)."""
    return torch.stack(tuple(parts), 2).transpose(0, 1)


def earlier_step(before: Tensor, parts: Tensor) -> Tensor:
    """Step t - 1 in the place of step t."""
    return torch.cat((before[:, None], parts[:, :-1]), 1)
