"""One step of the two levels, given what their states are drawn from."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from dlh.distributions import Gaussian
from dlh.models.vta.boundaries import Boundary
from dlh.models.vta.factors import AbstractLevel, ObservationLevel
from dlh.models.vta.trace import Carried, Rollout

FromBelief = Callable[[Tensor], Gaussian]
"""What the upper state is drawn from, given b_t."""
FromFeature = Callable[[Tensor, Tensor], Gaussian]
"""What the lower state is drawn from, given c_t and A_t."""


def step(
    abstract: AbstractLevel,
    observation: ObservationLevel,
    carried: Carried,
    noise: tuple[Float[Tensor, "batch state"], Float[Tensor, "batch state"]],
    *,
    abstract_state: FromBelief,
    observation_state: FromFeature,
) -> Rollout:
    """z_t where a segment begins, then A_t, c_t, s_t, f_t, and the next boundary's logits.

    Args:
        abstract: the upper level.
        observation: the lower level.
        carried: into this step: its boundary is known, and so is b_t.
        noise: standard normal, of the upper and of the lower state.
        abstract_state: the distribution of z_t, used where a segment begins.
        observation_state: the distribution of s_t.
    """
    belief = carried.abstract_belief
    boundary = Boundary.where(carried.read, like=belief)
    state = boundary.select(abstract_state(belief).sample(noise[0]), carried.abstract_state)
    feature = abstract.feature(belief, state)
    below = observation.belief(
        boundary,
        feature,
        observation.project(carried.observation_state, feature),
        carried.observation_belief,
    )
    state_below = observation_state(below, feature).sample(noise[1])
    feature_below = observation.feature(below, state_below)
    return Rollout(
        read=carried.read,
        abstract_belief=belief,
        abstract_state=state,
        abstract_feature=feature,
        observation_belief=below,
        observation_state=state_below,
        observation_feature=feature_below,
        boundary_logits=observation.boundary_prior(feature_below),
    )


def carry(abstract: AbstractLevel, done: Rollout, read: Tensor, carried: Carried) -> Carried:
    """What the step after ``done`` needs, once it is known whether a segment begins there.

    Args:
        abstract: the upper level.
        done: the step.
        read: whether the next one begins a segment, (batch,).
        carried: what the step itself began with.
    """
    boundary = Boundary.where(read, like=done.abstract_belief)
    projected = abstract.transition.project(done.abstract_state)
    return Carried(
        abstract_belief=abstract.next_belief(boundary, projected, done.abstract_belief),
        abstract_state=done.abstract_state,
        observation_belief=done.observation_belief,
        observation_state=done.observation_state,
        read=read,
        counters=carried.counters.after(done.read),
    )
