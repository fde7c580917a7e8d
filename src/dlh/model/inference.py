"""Inference: what every level believes, and which levels change.

Only :func:`observe`'s loop is sequential in time, and in it only levels 2..N: level 1 changes at
every step, so no decision waits for it, and its posterior, memory and prior are batched calls over
all steps. In here the time axis comes first, (time, batch, size), and every level has tensors of
its own; a :class:`Trace` has them joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import Gaussian, change_posterior, choose, nest, reach
from dlh.model.config import DLHConfig
from dlh.model.level import Level
from dlh.model.step import Component, Held, advance, split_levels
from dlh.model.trace import Carried, Noise, Trace


class Evidence:
    """q(s_t^n | x_t^n, c_t^n), with all that does not wait for a context done ahead.

    What the features contribute is one batched call over time. The top level has no context, c^N =
    0, so its posteriors are complete before the loop begins.
    """

    def __init__(self, levels: Sequence[Level], features: Float[Tensor, "time batch features"]):
        self.levels = levels
        self.projected: list[Tensor] = []
        for level in levels[:-1]:
            self.projected.append(level.posterior.project(features))
            features = level.bottom_up(features)  # Eq. 10: x^{n+1} = f_enc^n(x^n)
        no_context = features.new_zeros(*features.shape[:2], levels[-1].context_size)
        self.top = levels[-1].posterior(features, no_context)
        self._projected_at = [projected.unbind(0) for projected in self.projected]
        self._top_at = list(map(Gaussian, self.top.mean.unbind(0), self.top.std.unbind(0)))

    def posterior(self, step: int, index: int, context: Tensor) -> Gaussian:
        """Eq. 13 at one step: q(s | x_t^n, context), (batch, state)."""
        if index == len(self.levels) - 1:
            return self._top_at[step]
        return self.levels[index].posterior.given(self._projected_at[index][step], context)

    def posteriors(self, index: int, contexts: Tensor) -> Gaussian:
        """Eq. 13 at all steps: q(s | x_t^n, context_t), (time, batch, state)."""
        if index == len(self.levels) - 1:
            return self.top
        return self.levels[index].posterior.given(self.projected[index], contexts)


@dataclass(frozen=True)
class Selection:
    """The decisions of a step and what they rest on, (batch, levels); level 1 is not tested.

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


def observe(
    levels: Sequence[Level],
    config: DLHConfig,
    features: Float[Tensor, "time batch features"],
    carried: Carried,
    noise: Noise,
) -> tuple[Trace, Carried]:
    """Passes 2 and 3: infer step by step (Eqs. 1, 4, 5), then complete what can be batched.

    Args:
        levels: levels 1..N.
        config: of the model.
        features: x_t^1 (Eq. 10).
        carried: what the steps before these left behind.
        noise: of these steps.

    Returns:
        The trace of these steps, and what they leave behind.
    """
    evidence = Evidence(levels, features)
    # Eq. 34 asks the prior factor, which reads the memory below: only then must level 1 be inside
    # the loop.
    lowest = 0 if config.decision == "vade" else 1

    start = split_levels(carried)
    held, changed, factor = start, carried.changed, carried.factor.unbind(1)
    first = ~carried.seen
    history: list[list[Held]] = []
    selections: list[Selection] = []
    for step, (normal, uniform) in enumerate(
        zip(noise.normal.unbind(1), noise.uniform.unbind(1), strict=True)
    ):
        component = partial(evidence.posterior, step)
        selection = select(
            levels,
            config,
            held,
            component,
            (normal, uniform),
            changed_before=changed,
            factor=factor,
            first=first,
        )
        changed, factor, first = selection.changed, selection.factor, torch.zeros_like(first)
        held = advance(
            levels,
            held,
            component,
            normal,
            refreshed=reach(changed, config.nesting),
            remembering=remembers(changed, config),
            lowest=lowest,
        )
        history.append(held)
        selections.append(selection)

    timeline = [Held.stack(steps) for steps in list(zip(*history, strict=True))[lowest:]]
    if lowest:
        of_level = noise.normal[:, :, 0].transpose(0, 1)
        timeline.insert(0, _lowest_level(levels, evidence, timeline, start[0], of_level))
    return _complete(levels, config, timeline, selections, carried)


def remembers(changed: Bool[Tensor, "..."], config: DLHConfig) -> Bool[Tensor, "..."]:
    """Eq. 12: memory moves where the level changes; ticking memory, at every step."""
    return changed if config.memory == "held" else torch.ones_like(changed)


def _lowest_level(
    levels: Sequence[Level],
    evidence: Evidence,
    above: Sequence[Held],
    start: Held,
    noise: Float[Tensor, "time batch state"],
) -> Held:
    """Level 1 at all steps at once: it always changes, so its recurrence is a plain GRU."""
    context = start.context.expand(len(noise), -1, -1)
    if above:
        context = levels[1].top_down(above[0].state, above[0].context)
    belief = evidence.posteriors(0, context)
    state = belief.sample(noise)
    return Held(state, belief, levels[0].transition.sequence(state, start.memory), context)


def _complete(
    levels: Sequence[Level],
    config: DLHConfig,
    timeline: Sequence[Held],
    selections: Sequence[Selection],
    carried: Carried,
) -> tuple[Trace, Carried]:
    """Pass 3: priors and prior factors at all steps; then the levels are joined."""

    def over_levels(parts: Sequence[Tensor]) -> Tensor:
        return torch.stack(tuple(parts), 2).transpose(0, 1)

    def over_time(name: str) -> Tensor:
        return torch.stack([getattr(selection, name) for selection in selections], 1)

    def earlier(before: Tensor, parts: Tensor) -> Tensor:
        """Step t - 1 in the place of step t."""
        return torch.cat((before[:, None], parts[:, :-1]), 1)

    state, context = (
        over_levels([getattr(level, name) for level in timeline]) for name in ("state", "context")
    )
    posterior = Gaussian(
        over_levels([level.belief.mean for level in timeline]),
        over_levels([level.belief.std for level in timeline]),
    )
    memory_after = over_levels([level.memory for level in timeline])
    memory = earlier(carried.memory, memory_after)
    changed = over_time("changed")
    changed_before = earlier(carried.changed, changed)
    first = torch.zeros_like(changed[..., 0])
    first[:, 0] = ~carried.seen

    priors, logits, factors = [], [torch.zeros_like(state[..., 0, 0])], [carried.factor[:, 0]]
    for index, level in enumerate(levels):
        priors.append(level.change_prior(memory[:, :, index], context[:, :, index]))
        if index:
            read = level.change_factor.evidence(
                memory[:, :, index], memory[:, :, index - 1], changed_before[:, :, index]
            )
            logit, hidden = level.change_factor.sequence(
                read.transpose(0, 1), carried.factor[:, index]
            )
            logits.append(logit.transpose(0, 1))
            factors.append(hidden)
    trace = Trace(
        state=state,
        posterior=posterior,
        static_prior=Gaussian(
            earlier(carried.belief.mean, posterior.mean),
            earlier(carried.belief.std, posterior.std),
        ),
        change_prior=Gaussian(
            torch.stack([prior.mean for prior in priors], 2),
            torch.stack([prior.std for prior in priors], 2),
        ),
        memory=memory,
        context=context,
        frame_context=levels[0].top_down(state[:, :, 0], context[:, :, 0]),
        changed=changed,
        reachable=reach(changed, config.nesting),
        first=first,
        change_logit=torch.stack(logits, 2),
        change_divergence=over_time("change_divergence"),
        static_divergence=over_time("static_divergence"),
        change_estimate=over_time("change_estimate"),
    )
    left_behind = Carried(
        state=state[:, -1],
        belief=posterior.map(lambda part: part[:, -1]),
        memory=memory_after[:, -1],
        context=context[:, -1],
        changed=changed[:, -1],
        factor=torch.stack(factors, 1),
        seen=torch.ones_like(carried.seen),
    )
    return trace, left_behind
