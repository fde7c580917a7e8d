"""Inference: what both levels believe about a clip.

The boundaries are drawn first, from convolutions over the whole clip; all else is conditioned on
them. No posterior waits for a belief, so both levels' posteriors, priors, states and features are
batched over time; left to loops are the three summaries of the frames, b and c. In here the time
axis comes first; a :class:`Trace` has the batch first.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from dlh.distributions import Gaussian
from dlh.models.vta.boundaries import Boundary, Counters, RelaxedBoundary, harden
from dlh.models.vta.config import VTAConfig
from dlh.models.vta.factors import AbstractLevel, ObservationLevel
from dlh.models.vta.noise import Noise
from dlh.models.vta.summaries import Summaries
from dlh.models.vta.trace import Trace


def observe(
    summaries: Summaries,
    abstract: AbstractLevel,
    observation: ObservationLevel,
    config: VTAConfig,
    features: Float[Tensor, "batch frames belief"],
    boundary_posterior: RelaxedBoundary,
    noise: Noise,
    *,
    training: bool,
) -> Trace:
    """Draw the boundaries, then infer the upper level and, given it, the lower one.

    Args:
        summaries: the recurrences on the frames.
        abstract: the upper level.
        observation: the lower level.
        config: of the model.
        features: x of all frames.
        boundary_posterior: of all frames.
        noise: of this pass.
        training: whether boundaries are drawn with Gumbel noise and the limits hold.
    """
    log_sample = boundary_posterior.log_sample(noise.boundary if training else None)
    boundary = _forced_in_context(harden(log_sample), config.context_steps)
    summary = summaries(features.transpose(0, 1), boundary)
    start = config.context_steps
    stop = start + config.scored_steps(len(boundary.read))
    scored = Boundary(boundary.read[start:stop], boundary.copy[start:stop])

    before_segment = summary.abstract_forward[start - 1 : stop - 1]
    abstract_posterior = abstract.posterior(before_segment, summary.abstract_backward[start:stop])
    state = _hold(scored, abstract_posterior.sample(noise.abstract.transpose(0, 1)))
    belief = _abstract_beliefs(abstract, scored, state, before_segment[0])
    feature = abstract.feature(belief, state)

    observation_posterior = observation.posterior(summary.observation_forward[start:stop], feature)
    state_below = observation_posterior.sample(noise.observation.transpose(0, 1))
    belief_below = _observation_beliefs(observation, scored, feature, state_below)
    feature_below = observation.feature(belief_below, state_below)

    read = scored.read.transpose(0, 1) > 0.5
    logits = observation.boundary_prior(feature_below).transpose(0, 1)
    limited = logits
    if training:
        limited = Counters.over(read).limit(
            logits,
            max_length=config.max_segment_length,
            max_segments=config.most_segments(read.shape[1]),
        )
    return Trace(
        features=features,
        boundary_posterior=boundary_posterior,
        log_sample=log_sample,
        abstract_forward=summary.abstract_forward.transpose(0, 1),
        abstract_backward=summary.abstract_backward.transpose(0, 1),
        observation_forward=summary.observation_forward.transpose(0, 1),
        read=read,
        abstract_belief=belief.transpose(0, 1),
        abstract_state=state.transpose(0, 1),
        abstract_feature=feature.transpose(0, 1),
        abstract_prior=_batch_first(abstract.prior(belief)),
        abstract_posterior=_batch_first(abstract_posterior),
        observation_belief=belief_below.transpose(0, 1),
        observation_state=state_below.transpose(0, 1),
        observation_feature=feature_below.transpose(0, 1),
        observation_prior=_batch_first(observation.prior(belief_below)),
        observation_posterior=_batch_first(observation_posterior),
        boundary_logits=logits,
        boundary_prior=RelaxedBoundary(limited, boundary_posterior.temperature),
    )


def _forced_in_context(boundary: Boundary, context_steps: int) -> Boundary:
    """READ at the context's frames and at the first scored one; (batch, frames) to time first.

    What is forced is a constant, without the sample's gradient.
    """
    read, copy = boundary.read.transpose(0, 1), boundary.copy.transpose(0, 1)
    forced = torch.zeros_like(read, dtype=torch.bool)
    forced[: context_steps + 1] = True
    forced[len(forced) - context_steps :] = True
    return Boundary(read.masked_fill(forced, 1.0), copy.masked_fill(forced, 0.0))


def _hold(
    boundary: Boundary, drawn: Float[Tensor, "time batch state"]
) -> Float[Tensor, "time batch state"]:
    """z_t = READ_t * the draw of step t + COPY_t z_{t-1}."""
    state = torch.zeros_like(drawn[0])
    states = []
    for read, copy, new in zip(boundary.read, boundary.copy, drawn, strict=True):
        state = Boundary(read, copy).select(new, state)
        states.append(state)
    return torch.stack(states)


def _abstract_beliefs(
    abstract: AbstractLevel,
    boundary: Boundary,
    state: Float[Tensor, "time batch state"],
    first: Float[Tensor, "batch belief"],
) -> Float[Tensor, "time batch belief"]:
    """b_t, from ``first``, which is the summary of the context."""
    beliefs = [first]
    projected = abstract.transition.project(state[:-1])
    for read, copy, given in zip(boundary.read[1:], boundary.copy[1:], projected, strict=True):
        beliefs.append(abstract.next_belief(Boundary(read, copy), given, beliefs[-1]))
    return torch.stack(beliefs)


def _observation_beliefs(
    observation: ObservationLevel,
    boundary: Boundary,
    feature: Float[Tensor, "time batch belief"],
    state: Float[Tensor, "time batch state"],
) -> Float[Tensor, "time batch belief"]:
    """c_t; nothing is before the first step, where a segment begins."""
    before = torch.cat((torch.zeros_like(state[:1]), state[:-1]))
    belief = torch.zeros_like(feature[0])
    beliefs = []
    steps = zip(
        boundary.read, boundary.copy, feature, observation.project(before, feature), strict=True
    )
    for read, copy, told, given in steps:
        belief = observation.belief(Boundary(read, copy), told, given, belief)
        beliefs.append(belief)
    return torch.stack(beliefs)


def _batch_first(gaussian: Gaussian) -> Gaussian:
    return gaussian.map(lambda part: part.transpose(0, 1))
