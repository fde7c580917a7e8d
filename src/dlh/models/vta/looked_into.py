"""The two levels looked into one by one: frames of other states of a level at a moment.

Levels are (observation, abstract). A frame shows f_t, linear in [c_t, s_t]; another z_t gives
another A_t, so c_t is computed anew, while s_t stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from dlh.distributions import Tensors, normal
from dlh.interfaces import ObservedLevels
from dlh.models.vta.bound import Bound, changed_levels
from dlh.models.vta.boundaries import COPY, READ, Boundary
from dlh.models.vta.factors import AbstractLevel, ObservationLevel
from dlh.models.vta.trace import Trace


@dataclass(frozen=True)
class HeldLevels(Tensors):
    """What both levels hold: at every scored step of clips, (batch, time), or at some moments.

    Attributes:
        read: where a segment begins.
        abstract_belief: b_t.
        abstract_state: z_t.
        observation_belief: c_t.
        observation_state: s_t.
        belief_before: c_{t-1}; 0 at the first step.
        state_before: s_{t-1}, likewise.
    """

    read: Bool[Tensor, "*where"]
    abstract_belief: Float[Tensor, "*where belief"]
    abstract_state: Float[Tensor, "*where state"]
    observation_belief: Float[Tensor, "*where belief"]
    observation_state: Float[Tensor, "*where state"]
    belief_before: Float[Tensor, "*where belief"]
    state_before: Float[Tensor, "*where state"]

    def at(self, clip: Int[Tensor, "moments"], step: Int[Tensor, "moments"]) -> HeldLevels:
        """At some moments of clips."""
        return self.map(lambda part: part[clip, step])


def observed(trace: Trace, found: Bound) -> ObservedLevels:
    """What the levels inferred at the scored steps; a boundary is foreseen by the step before."""
    logits = trace.boundary_logits
    probability = (logits[..., READ] - logits[..., COPY]).sigmoid()
    probability = torch.cat((torch.zeros_like(probability[:, :1]), probability[:, :-1]), 1)
    foreseen = torch.ones_like(trace.read)
    foreseen[:, 0] = False  # the first step is a boundary whatever was predicted
    return ObservedLevels(
        state=torch.stack((trace.observation_state, trace.abstract_state), 2),
        prior_mean=torch.stack((trace.observation_prior.mean, trace.abstract_prior.mean), 2),
        prior_std=torch.stack((trace.observation_prior.std, trace.abstract_prior.std), 2),
        state_kl=found.state_kl,
        event_kl=found.event_kl,
        elbo=found.elbo,
        changed=changed_levels(trace.read),
        change_probability=torch.stack((torch.zeros_like(probability), probability), -1),
        foreseen=torch.stack((torch.zeros_like(foreseen), foreseen), -1),
        source=HeldLevels(
            read=trace.read,
            abstract_belief=trace.abstract_belief,
            abstract_state=trace.abstract_state,
            observation_belief=trace.observation_belief,
            observation_state=trace.observation_state,
            belief_before=_before(trace.observation_belief),
            state_before=_before(trace.observation_state),
        ),
    )


def features(
    abstract: AbstractLevel,
    observation: ObservationLevel,
    moments: HeldLevels,
    state: Float[Tensor, "moments 2 state"],
) -> Float[Tensor, "moments belief"]:
    """f_t with these states (s_t, z_t) at the moments."""
    below, above = state.unbind(1)
    told = abstract.feature(moments.abstract_belief, above)
    belief = observation.belief(
        Boundary.where(moments.read, like=told),
        told,
        observation.project(moments.state_before, told),
        moments.belief_before,
    )
    return observation.feature(belief, below)


def rolled_features(
    abstract: AbstractLevel,
    observation: ObservationLevel,
    moments: HeldLevels,
    level: int,
    *,
    steps: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "moments steps belief"]:
    """f while one level goes on by itself: 1, s within the segment; 2, one segment after another,
    of which each shows its first step.
    """
    below, above = moments.observation_state, moments.abstract_state
    belief, belief_below = moments.abstract_belief, moments.observation_belief
    told = abstract.feature(belief, above)
    found = [observation.feature(belief_below, below)]
    for _ in range(steps):
        noise = normal(below.shape, like=below, generator=generator)
        if level == 1:
            projected = observation.project(below, told)
            belief_below = observation.transition.given(projected, belief_below)
            below = observation.prior(belief_below).sample(noise)
        else:
            belief = abstract.transition.given(abstract.transition.project(above), belief)
            above = abstract.prior(belief).sample(noise)
            belief_below = abstract.feature(belief, above)  # where a segment begins, c is A
        found.append(observation.feature(belief_below, below))
    return torch.stack(found, 1)


def _before(values: Float[Tensor, "batch time size"]) -> Float[Tensor, "batch time size"]:
    return torch.cat((torch.zeros_like(values[:, :1]), values[:, :-1]), 1)
