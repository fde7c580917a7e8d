"""Inference: what every level believes, once it is decided which levels change.

Only the decisions are sequential in time (:mod:`dlh.models.dlh.decide`). Once they are known, all
that has a gradient is batched over the steps, level by level from the top; a memory is one
recurrence over the steps at which it moves. In here the time axis comes first, (time, batch, size),
and every level has tensors of its own; a :class:`Trace` has them joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import Gaussian, reach
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.decide import Sight, decide_all
from dlh.models.dlh.level import Level
from dlh.models.dlh.selection import Selection
from dlh.models.dlh.step import Held, remembers, split_levels
from dlh.models.dlh.trace import Carried, Noise, Tensors, Trace
from dlh.networks import latest


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

    def sight(self) -> Sight:
        """What the frames of all steps say, cut from its gradient."""
        return Sight(tuple(part.detach() for part in self.projected), self.top.detach())

    def posteriors(self, index: int, contexts: Tensor) -> Gaussian:
        """Eq. 13 at all steps: q(s | x_t^n, context_t), (time, batch, state)."""
        if index == len(self.levels) - 1:
            return self.top
        return self.levels[index].posterior.given(self.projected[index], contexts)


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
    """Passes 2 and 3: infer step by step (Eqs. 1, 4, 5), then complete what can be batched.

    Args:
        levels: levels 1..N.
        config: of the model.
        features: x_t^1 (Eq. 10).
        carried: what the steps before these left behind.
        noise: of these steps.
        limits: of the static divergences, above which a level changes; see
            :mod:`dlh.models.dlh.emergence`.
        compiled: whether the loop over time is.

    Returns:
        The trace of these steps, and what they leave behind.
    """
    evidence = Evidence(levels, features)
    selection = decide_all(
        levels, config, evidence.sight(), carried, noise, limits=limits, compiled=compiled
    )
    timeline = infer(
        levels, config, evidence, split_levels(carried), noise.normal, selection.changed
    )
    return _complete(levels, config, timeline, selection, carried)


@dataclass(frozen=True)
class Drawn(Tensors):
    """What one level draws and holds at every step: s_t, b_t, c_t, each (time, batch, size)."""

    state: Tensor
    belief: Gaussian
    context: Tensor


def infer(
    levels: Sequence[Level],
    config: DLHConfig,
    evidence: Evidence,
    before: Sequence[Held],
    noise: Float[Tensor, "batch time levels state"],
    changed: Bool[Tensor, "batch time levels"],
) -> list[Held]:
    """What every level holds after every step, once the decisions of all steps are known.

    :func:`advance` for all steps at once: level by level from the top, a level's draws are one
    batched call, and what it holds at a step is its latest draw. Only its memory is a recurrence,
    which runs over the steps at which it moves.

    Args:
        levels: levels 1..N.
        config: of the model.
        evidence: on all levels at all steps.
        before: held by each level before the first of these steps.
        noise: standard normal.
        changed: the decisions e_t.

    Returns:
        For each level, what it holds, (time, batch, size).
    """
    timeline: list[Held] = []
    for index, drawn in draw_down(levels, config, evidence, before, noise, changed):
        memory = remember(levels, config, index, drawn.state, before[index].memory, changed)
        timeline.insert(0, Held(drawn.state, drawn.belief, memory, drawn.context))
    return timeline


def draw_down(
    levels: Sequence[Level],
    config: DLHConfig,
    evidence: Evidence,
    before: Sequence[Held],
    noise: Float[Tensor, "batch time levels state"],
    changed: Bool[Tensor, "batch time levels"],
) -> Iterator[tuple[int, Drawn]]:
    """Eqs. 5, 11, 13 from the top level down: each level's index, and what it draws and holds.

    No memory takes part: a posterior reads the frame and the levels above it. The arguments are
    those of :func:`infer`.
    """
    noise, changed = noise.transpose(0, 1), changed.transpose(0, 1)
    refreshed = reach(changed, config.nesting)
    context = before[-1].context.expand(len(noise), -1, -1)
    moved = torch.zeros_like(changed[..., 0])
    for index in reversed(range(len(levels))):
        level, earlier, refresh = levels[index], before[index], refreshed[..., index]
        belief = evidence.posteriors(index, context)
        state = belief.sample(noise[:, :, index])
        if index:  # level 1 draws at every step
            state = latest(earlier.state, state, refresh)
            belief = Gaussian(
                latest(earlier.belief.mean, belief.mean, refresh),
                latest(earlier.belief.std, belief.std, refresh),
            )
        yield index, Drawn(state, belief, context)
        if index:
            moved = moved | refresh
            context = latest(before[index - 1].context, level.top_down(state, context), moved)


def remember(
    levels: Sequence[Level],
    config: DLHConfig,
    index: int,
    state: Float[Tensor, "time batch state"],
    before: Float[Tensor, "batch memory"],
    changed: Bool[Tensor, "batch time levels"],
) -> Float[Tensor, "time batch memory"]:
    """Eq. 12: the memory d_{t+1} of ``levels[index]`` after every step."""
    if not index:  # level 1 remembers at every step
        return levels[0].transition.sequence(state, before)
    moving = remembers(changed.transpose(0, 1)[..., index], config)
    return levels[index].transition.where(moving, state, before)


def score(
    levels: Sequence[Level],
    memory: Float[Tensor, "batch time levels memory"],
    context: Float[Tensor, "batch time levels context"],
    changed_before: Bool[Tensor, "batch time levels"],
    factor: Float[Tensor, "batch levels factor"],
) -> tuple[Gaussian, Float[Tensor, "batch time levels"], Float[Tensor, "batch levels factor"]]:
    """Eqs. 14, 15 at all steps: what the memories predict.

    Args:
        levels: levels 1..N.
        memory: d_t.
        context: c_t.
        changed_before: e_{t-1}.
        factor: hidden state of each level's prior factor before the first step.

    Returns:
        The change priors (batch, time, levels, state), the logits of p(e_t = 1), 0 at level 1, and
        the factors' hidden states after the last step.
    """
    priors, logits, factors = [], [torch.zeros_like(memory[..., 0, 0])], [factor[:, 0]]
    for index, level in enumerate(levels):
        priors.append(level.change_prior(memory[:, :, index], context[:, :, index]))
        if index:
            read = level.change_factor.evidence(
                memory[:, :, index], memory[:, :, index - 1], changed_before[:, :, index]
            )
            logit, hidden = level.change_factor.sequence(read.transpose(0, 1), factor[:, index])
            logits.append(logit.transpose(0, 1))
            factors.append(hidden)
    change_prior = Gaussian(
        torch.stack([prior.mean for prior in priors], 2),
        torch.stack([prior.std for prior in priors], 2),
    )
    return change_prior, torch.stack(logits, 2), torch.stack(factors, 1)


def over_levels(parts: Sequence[Float[Tensor, "time batch size"]]) -> Tensor:
    """The levels' tensors joined, (batch, time, levels, size)."""
    return torch.stack(tuple(parts), 2).transpose(0, 1)


def earlier_step(before: Tensor, parts: Tensor) -> Tensor:
    """Step t - 1 in the place of step t."""
    return torch.cat((before[:, None], parts[:, :-1]), 1)


def _complete(
    levels: Sequence[Level],
    config: DLHConfig,
    timeline: Sequence[Held],
    selection: Selection,
    carried: Carried,
) -> tuple[Trace, Carried]:
    """Pass 3: priors and prior factors at all steps; then the levels are joined."""
    state, context = (
        over_levels([getattr(level, name) for level in timeline]) for name in ("state", "context")
    )
    posterior = Gaussian(
        over_levels([level.belief.mean for level in timeline]),
        over_levels([level.belief.std for level in timeline]),
    )
    memory_after = over_levels([level.memory for level in timeline])
    memory = earlier_step(carried.memory, memory_after)
    changed = selection.changed
    changed_before = earlier_step(carried.changed, changed)
    first = torch.zeros_like(changed[..., 0])
    first[:, 0] = ~carried.seen

    change_prior, change_logit, factor = score(
        levels, memory, context, changed_before, carried.factor
    )
    trace = Trace(
        state=state,
        posterior=posterior,
        static_prior=Gaussian(
            earlier_step(carried.belief.mean, posterior.mean),
            earlier_step(carried.belief.std, posterior.std),
        ),
        change_prior=change_prior,
        memory=memory,
        context=context,
        frame_context=levels[0].top_down(state[:, :, 0], context[:, :, 0]),
        changed=changed,
        reachable=reach(changed, config.nesting),
        first=first,
        change_logit=change_logit,
        change_divergence=selection.change_divergence,
        static_divergence=selection.static_divergence,
        change_estimate=selection.change_estimate,
    )
    left_behind = Carried(
        state=state[:, -1],
        belief=posterior.map(lambda part: part[:, -1]),
        memory=memory_after[:, -1],
        context=context[:, -1],
        changed=changed[:, -1],
        factor=factor,
        seen=torch.ones_like(carried.seen),
    )
    return trace, left_behind
