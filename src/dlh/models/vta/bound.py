"""The objective of a trace: reconstruction, the states' divergences, the boundaries' divergence."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import frame_log_prob
from dlh.interfaces import Objective, Term
from dlh.models.vta.config import VTAConfig
from dlh.models.vta.trace import Trace


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The terms of the scored steps, in nats of the dequantised frames.

    Attributes:
        reconstruction: log p(y_t | f_t), with the Gaussian's constant.
        observation_kl: divergence of the lower state.
        abstract_kl: divergence of the upper state; 0 where no segment begins.
        boundary_kl: one-sample estimate of the divergence of the boundary that each step predicts;
            it can be negative.
        read: where a segment begins.
    """

    reconstruction: Float[Tensor, "batch time"]
    observation_kl: Float[Tensor, "batch time"]
    abstract_kl: Float[Tensor, "batch time"]
    boundary_kl: Float[Tensor, "batch time"]
    read: Bool[Tensor, "batch time"]

    @property
    def elbo(self) -> Float[Tensor, "batch"]:
        """All terms summed over the scored steps, nats per clip.

        It estimates a lower bound where boundaries are drawn with noise; in evaluation mode they
        are not.
        """
        divergence = self.observation_kl + self.abstract_kl + self.boundary_kl
        return (self.reconstruction - divergence).sum(1)

    @property
    def loss(self) -> Float[Tensor, ""]:
        """The published loss, nats per scored step: every term with the weight 1."""
        return -self.elbo.mean() / self.reconstruction.shape[1]

    @property
    def state_kl(self) -> Float[Tensor, "batch time 2"]:
        """The divergences of the states; levels are (observation, abstract)."""
        return torch.stack((self.observation_kl, self.abstract_kl), -1)

    @property
    def event_kl(self) -> Float[Tensor, "batch time 2"]:
        """The divergence of the boundaries, which are the upper level's."""
        return torch.stack((torch.zeros_like(self.boundary_kl), self.boundary_kl), -1)

    def objective(self, temperature: float) -> Objective:
        """The bound as every model gives it. Its time axis is that of the scored steps.

        Args:
            temperature: that of the relaxed boundaries, for the record.
        """
        return Objective(
            loss=self.loss,
            terms={
                "reconstruction": Term(value=self.reconstruction),
                "state_kl": Term(value=self.state_kl),
                "event_kl": Term(value=self.event_kl),
            },
            elbo=self.elbo.detach(),
            changed=changed_levels(self.read),
            schedule={"temperature": temperature},
        )


def changed_levels(read: Bool[Tensor, "*batch"]) -> Bool[Tensor, "*batch 2"]:
    """Which levels change where segments begin: the lower one always, the upper one there."""
    return torch.stack((torch.ones_like(read), read), -1)


def abstract_kl(trace: Trace) -> Float[Tensor, "batch time"]:
    """KL[q(z_t) || p(z_t)] where a segment begins, 0 elsewhere, nats; READ gets no gradient."""
    return torch.where(trace.read, trace.abstract_posterior.kl(trace.abstract_prior), 0.0)


def observation_kl(trace: Trace) -> Float[Tensor, "batch time"]:
    """KL[q(s_t) || p(s_t)], nats."""
    return trace.observation_posterior.kl(trace.observation_prior)


def boundary_kl(trace: Trace, context_steps: int) -> Float[Tensor, "batch time"]:
    """log q(l) - log p(l) of the boundary that each step predicts, the next one's, nats.

    An estimate of a divergence from its one sample l, which can be negative. The last step predicts
    the first frame of the context behind the window: its READ is forced, and l, which is scored, is
    what was drawn there before.
    """
    steps = trace.read.shape[1]
    following = slice(context_steps + 1, context_steps + 1 + steps)
    log_sample = trace.log_sample[:, following]
    posterior = trace.boundary_posterior.log_density(trace.log_sample)[:, following]
    return posterior - trace.boundary_prior.log_density(log_sample)


def bound(
    trace: Trace,
    frames: Float[Tensor, "batch time channel height width"],
    mean: Float[Tensor, "batch time channel height width"],
    config: VTAConfig,
) -> Bound:
    """The terms of a trace.

    Args:
        trace: of the clips.
        frames: dequantised, of the scored steps.
        mean: decoded from the trace.
        config: of the model.
    """
    return Bound(
        reconstruction=frame_log_prob(frames, mean, config.likelihood_std),
        observation_kl=observation_kl(trace),
        abstract_kl=abstract_kl(trace),
        boundary_kl=boundary_kl(trace, config.context_steps),
        read=trace.read,
    )
