"""What inference and generation give: the trace of a clip, a rollout, and what is carried."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import Gaussian, Tensors
from dlh.models.vta.boundaries import Counters, RelaxedBoundary


@dataclass(frozen=True, kw_only=True)
class Trace:
    """All that was inferred about a batch of clips: what the bound and every analysis read.

    ``frames`` are those of the clip, ``time`` the scored ones between the context at either end.

    Attributes:
        features: x of every frame.
        boundary_posterior: q(m_t | x) of every frame.
        log_sample: drawn from it for every frame, also where READ is then forced.
        abstract_forward: F of every frame.
        abstract_backward: B of every frame.
        observation_forward: O of every frame.
        read: where a segment begins.
        abstract_belief: b_t.
        abstract_state: z_t.
        abstract_feature: A_t.
        abstract_prior: p(z_t | b_t).
        abstract_posterior: q(z_t | F_{t-1}, B_t).
        observation_belief: c_t.
        observation_state: s_t.
        observation_feature: f_t, which the decoder turns into the frame's mean.
        observation_prior: p(s_t | c_t).
        observation_posterior: q(s_t | O_t, A_t).
        boundary_logits: of p(m_{t+1} | f_t), before the limits.
        boundary_prior: p(m_{t+1} | f_t), in training under the limits.
    """

    features: Float[Tensor, "batch frames belief"]
    boundary_posterior: RelaxedBoundary
    log_sample: Float[Tensor, "batch frames 2"]
    abstract_forward: Float[Tensor, "batch frames belief"]
    abstract_backward: Float[Tensor, "batch frames belief"]
    observation_forward: Float[Tensor, "batch frames belief"]
    read: Bool[Tensor, "batch time"]
    abstract_belief: Float[Tensor, "batch time belief"]
    abstract_state: Float[Tensor, "batch time state"]
    abstract_feature: Float[Tensor, "batch time belief"]
    abstract_prior: Gaussian
    abstract_posterior: Gaussian
    observation_belief: Float[Tensor, "batch time belief"]
    observation_state: Float[Tensor, "batch time state"]
    observation_feature: Float[Tensor, "batch time belief"]
    observation_prior: Gaussian
    observation_posterior: Gaussian
    boundary_logits: Float[Tensor, "batch time 2"]
    boundary_prior: RelaxedBoundary


@dataclass(frozen=True, kw_only=True)
class Carried(Tensors):
    """All that the future needs of the past.

    Attributes:
        abstract_belief: b_t of the step to come, which is known because ``read`` is.
        abstract_state: z_{t-1}.
        observation_belief: c_{t-1}.
        observation_state: s_{t-1}.
        read: whether a segment begins at the step to come.
        counters: of the steps so far, for the limits.
    """

    abstract_belief: Float[Tensor, "batch belief"]
    abstract_state: Float[Tensor, "batch state"]
    observation_belief: Float[Tensor, "batch belief"]
    observation_state: Float[Tensor, "batch state"]
    read: Bool[Tensor, "batch"]
    counters: Counters

    @classmethod
    def after_context(cls, summary: Float[Tensor, "batch belief"], state_size: int) -> Carried:
        """A segment begins, b is the context's summary F, and the rest is not read."""
        batch = len(summary)
        state = summary.new_zeros(batch, state_size)
        return cls(
            abstract_belief=summary,
            abstract_state=state,
            observation_belief=torch.zeros_like(summary),
            observation_state=state,
            read=torch.ones(batch, dtype=torch.bool, device=summary.device),
            counters=Counters.start(batch, like=summary),
        )

    def repeat(self, samples: int) -> Carried:
        """Each sequence ``samples`` times, neighbours together: its futures are one batch."""
        return self.map(lambda part: part.repeat_interleave(samples, 0))


@dataclass(frozen=True, kw_only=True)
class Rollout(Tensors):
    """A step of the two levels, (batch, size), or all steps of a rollout, (batch, time, size).

    Attributes:
        read: where a segment begins.
        abstract_belief: b_t.
        abstract_state: z_t.
        abstract_feature: A_t.
        observation_belief: c_t.
        observation_state: s_t.
        observation_feature: f_t, which the decoder turns into the frame's mean.
        boundary_logits: of p(m_{t+1} | f_t), before the limits.
    """

    read: Bool[Tensor, "*batch"]
    abstract_belief: Float[Tensor, "*batch belief"]
    abstract_state: Float[Tensor, "*batch state"]
    abstract_feature: Float[Tensor, "*batch belief"]
    observation_belief: Float[Tensor, "*batch belief"]
    observation_state: Float[Tensor, "*batch state"]
    observation_feature: Float[Tensor, "*batch belief"]
    boundary_logits: Float[Tensor, "*batch 2"]
