"""The evidence lower bound of a trace (Eqs. 8a-8c, 9)."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from dlh.distributions import bernoulli_kl, bernoulli_surprisal, mixture_kl
from dlh.interfaces import Objective
from dlh.models.dlh.config import DLHConfig
from dlh.models.dlh.trace import Trace


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
) -> Objective:
    """The bound's terms (Eqs. 6-8) for a video, its trace and the means decoded from that trace.

    ``likelihood_std`` stands in for the configuration's, where training anneals it.
    """
    std = config.likelihood_std if likelihood_std is None else likelihood_std
    return Objective(
        reconstruction=log_likelihood(video, mean, std),
        state_kl=state_kl(trace, config),
        event_kl=event_kl(trace, config),
        changed=trace.changed,
    )
