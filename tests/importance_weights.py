"""Importance weights of a trace, and the order in which ELBO, IWAE and evidence stand."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dlh.distributions import Gaussian
from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy, Noise, Trace
from dlh.models.dlh.bound import Bound, bound


def log_weights(trace: Trace, objective: Bound, config: DLHConfig) -> Tensor:
    """log p(o, s, e) - log q(s, e) of every sequence, (batch,)."""
    changed = trace.changed[..., None]
    component = Gaussian(
        torch.where(changed, trace.change_prior.mean, trace.static_prior.mean),
        torch.where(changed, trace.change_prior.std, trace.static_prior.std),
    )
    states = component.log_prob(trace.state) - trace.posterior.log_prob(trace.state)
    total = objective.reconstruction.sum(1) + (states * trace.reachable).sum((1, 2))
    decided = trace.reachable & ~trace.first[..., None]
    decided[..., 0] = False
    prior = torch.distributions.Bernoulli(logits=trace.change_logit)
    events = prior.log_prob(trace.changed.double())
    if config.decision == "vade":
        estimate = trace.change_estimate.clamp(1e-300, 1)
        events = events - torch.where(
            trace.changed, estimate.log(), torch.log1p(-trace.change_estimate)
        )
    return total + torch.where(decided, events, 0.0).sum((1, 2))


@torch.no_grad()
def sampled(
    model: DynamicLatentHierarchy, video: Tensor, noise: Noise
) -> tuple[Trace, Bound, Tensor]:
    """One clip (1, time, ...) inferred with as many noises as there are, and the weights."""
    clips = video.expand(len(noise.normal), *video.shape[1:])
    trace, _ = model.observe(clips, noise=noise)
    objective = bound(trace, clips, model.decode(trace.frame_context), model.config)
    return trace, objective, log_weights(trace, objective, model.config)


def assert_ordered(elbo: Tensor, log_weight: Tensor, evidence: float, samples: int) -> None:
    """ELBO < IWAE <= evidence, and the mean weight is the evidence, within four standard errors."""
    groups = log_weight.reshape(-1, samples)
    iwae = groups.logsumexp(1) - math.log(samples)
    weight = (log_weight - evidence).exp()

    def error(values: Tensor) -> float:
        return float(values.std() / len(values) ** 0.5)

    assert error(weight) < 0.1, "the weights are too uneven to say anything"
    assert abs(float(weight.mean()) - 1) < 4 * error(weight)
    assert float(elbo.mean()) + 4 * error(elbo) < float(iwae.mean()) - 4 * error(iwae)
    assert float(iwae.mean()) <= evidence + 4 * error(iwae)
