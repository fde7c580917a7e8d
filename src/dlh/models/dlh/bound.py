"""The evidence lower bound of a trace (Eqs. 8a-8c, 9)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import bernoulli_kl, bernoulli_surprisal, mixture_kl
from dlh.interfaces import TRAINED, Objective, Term, Update
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.trace import Tensors, Trace


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

    def loss(self, beta: float = 1.0) -> Tensor:
        """What is minimised, nats per frame: -reconstruction + beta * (state_kl + event_kl).

        The paper sums over time; the division by the number of frames is CW-VAE's and matters
        through Adam's eps.
        """
        divergence = self.state_kl.sum(2) + self.event_kl.sum(2)
        return (beta * divergence - self.reconstruction).mean()

    def objective(self, update: Update = TRAINED) -> Objective:
        """The bound as every model gives it, with the weight of the divergences of an update."""
        terms = ("reconstruction", "state_kl", "event_kl")
        return Objective(
            loss=self.loss(update.beta),
            terms={name: Term(value=getattr(self, name)) for name in terms},
            elbo=self.elbo.detach(),
            changed=self.changed,
            schedule={"beta": update.beta},
        )


def log_likelihood(
    video: Float[Tensor, "batch time channel height width"],
    mean: Float[Tensor, "batch time channel height width"],
    std: float,
) -> Float[Tensor, "batch time"]:
    """Eq. 8a: log p(o_t | .) under a Gaussian of fixed std, summed over the frame, nats."""
    pixels = video[0, 0].numel()
    squared_error = (video - mean).square().sum((2, 3, 4))
    return -0.5 * squared_error / std**2 - pixels * (math.log(std) + 0.5 * math.log(2 * math.pi))


def state_kl(trace: Trace, config: DLHConfig) -> Float[Tensor, "batch time levels"]:
    """Eqs. 8b, 9: divergence from the component that e_t chose, nats; 0 where unreachable."""
    static_prior = trace.static_prior
    if not config.static_prior_gradient:
        static_prior = static_prior.detach()
    return chosen_divergence(
        config,
        changed=trace.changed,
        change_estimate=trace.change_estimate,
        to_change=trace.posterior.kl(trace.change_prior),
        to_static=trace.posterior.kl(static_prior),
        reachable=trace.reachable,
    )


def chosen_divergence(
    config: DLHConfig,
    *,
    changed: Bool[Tensor, "batch time levels"],
    change_estimate: Float[Tensor, "batch time levels"],
    to_change: Float[Tensor, "batch time levels"],
    to_static: Float[Tensor, "batch time levels"],
    reachable: Bool[Tensor, "batch time levels"],
) -> Float[Tensor, "batch time levels"]:
    """Eq. 8b from the divergences of both components; Eq. 9 where e_t is drawn (Eq. 34)."""
    if config.decision == "vade":
        divergence = mixture_kl(change_estimate, to_change, to_static)
    else:
        divergence = torch.where(changed, to_change, to_static)
    return torch.where(reachable, divergence, 0.0)


def event_kl(trace: Trace, config: DLHConfig) -> Float[Tensor, "batch time levels"]:
    """Eq. 8c: -log p(e_t), nats; 0 at level 1, at a first step, where a level is unreachable."""
    return decided_surprisal(
        config,
        changed=trace.changed,
        change_estimate=trace.change_estimate,
        change_logit=trace.change_logit,
        reachable=trace.reachable,
        first=trace.first,
    )


def decided_surprisal(
    config: DLHConfig,
    *,
    changed: Bool[Tensor, "batch time levels"],
    change_estimate: Float[Tensor, "batch time levels"],
    change_logit: Float[Tensor, "batch time levels"],
    reachable: Bool[Tensor, "batch time levels"],
    first: Bool[Tensor, "batch time"],
) -> Float[Tensor, "batch time levels"]:
    """Eq. 8c from the factor's logits; the full Bernoulli divergence where e_t is drawn."""
    if config.decision == "vade":
        divergence = bernoulli_kl(change_estimate, change_logit)
    else:
        divergence = bernoulli_surprisal(changed, change_logit)
    decided = reachable & ~first[..., None]
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

    ``likelihood_std`` stands in for the configuration's, where training anneals it.
    """
    std = config.likelihood_std if likelihood_std is None else likelihood_std
    return Bound(
        reconstruction=log_likelihood(video, mean, std),
        state_kl=state_kl(trace, config),
        event_kl=event_kl(trace, config),
        changed=trace.changed,
    )
