"""The evidence lower bound of a trace (Eqs. 8a-8c, 9)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import (
    Tensors,
    bernoulli_kl,
    bernoulli_surprisal,
    frame_log_prob,
    mixture_kl,
)
from dlh.interfaces import TRAINED, Objective, Update
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.trace import Components, Trace
from dlh.models.frame_model import bound_objective


@dataclass(frozen=True, kw_only=True)
class Bound(Tensors):
    """The terms of the bound, nats, unreduced over batch, time and level.

    Attributes:
        reconstruction: log p(o_t | .), with the Gaussian's constant (Eq. 8a).
        state_kl: divergence of the latent states (Eq. 8b).
        event_kl: divergence of the change indicators (Eq. 8c).
        changed: the decisions e_t^n.
    """

    reconstruction: Float[Tensor, "batch time"]
    state_kl: Float[Tensor, "batch time levels"]
    event_kl: Float[Tensor, "batch time levels"]
    changed: Bool[Tensor, "batch time levels"]

    @property
    def elbo(self) -> Tensor:
        """The bound itself (Eq. 8), (batch,), nats per clip: all terms summed."""
        return self.reconstruction.sum(1) - self.state_kl.sum((1, 2)) - self.event_kl.sum((1, 2))

    def objective(self, update: Update = TRAINED) -> Objective:
        """The bound as every model gives it, with the weight of the divergences of an update."""
        return bound_objective(
            self.reconstruction,
            {"state_kl": self.state_kl, "event_kl": self.event_kl},
            beta=update.beta,
            changed=self.changed,
            schedule={"beta": update.beta},
        )


def state_kl(found: Components, config: DLHConfig) -> Float[Tensor, "batch time levels"]:
    """Eq. 8b: divergence from the component that e_t chose, nats; 0 where unreachable.

    If e_t is drawn (Eq. 34), the divergences from both components, weighted by q(e_t) (Eq. 9).
    """
    static_prior = found.static_prior
    if not config.static_prior_gradient:
        static_prior = static_prior.detach()
    to_change = found.posterior.kl(found.change_prior)
    to_static = found.posterior.kl(static_prior)
    if config.decision == "vade":
        divergence = mixture_kl(found.change_estimate, to_change, to_static)
    else:
        divergence = torch.where(found.changed, to_change, to_static)
    return torch.where(found.reachable, divergence, 0.0)


def event_kl(found: Components, config: DLHConfig) -> Float[Tensor, "batch time levels"]:
    """Eq. 8c: -log p(e_t), nats; if e_t is drawn (Eq. 34), the divergence of two Bernoullis.

    0 at level 1, at a first step, and where a level is unreachable.
    """
    if config.decision == "vade":
        divergence = bernoulli_kl(found.change_estimate, found.change_logit)
    else:
        divergence = bernoulli_surprisal(found.changed, found.change_logit)
    decided = found.reachable & ~found.first[..., None]
    decided[..., 0] = False
    return torch.where(decided, divergence, 0.0)


def bound(
    trace: Trace,
    video: Float[Tensor, "batch time channel height width"],
    mean: Float[Tensor, "batch time channel height width"],
    config: DLHConfig,
    *,
    likelihood_std: float | None = None,
) -> Bound:
    """The bound's terms (Eqs. 6-8) for a video, its trace and the means decoded from that trace.

    ``likelihood_std`` replaces the configuration's while training anneals it.
    """
    std = config.likelihood_std if likelihood_std is None else likelihood_std
    return Bound(
        reconstruction=frame_log_prob(video, mean, std),
        state_kl=state_kl(trace, config),
        event_kl=event_kl(trace, config),
        changed=trace.changed,
    )
