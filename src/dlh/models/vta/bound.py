"""The objective of a trace: reconstruction, the states' divergences, the boundaries' divergence."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from dlh.interfaces import Objective
from dlh.models.vta.config import VTAConfig
from dlh.models.vta.trace import Trace


def log_likelihood(
    frames: Float[Tensor, "batch time channel height width"],
    mean: Float[Tensor, "batch time channel height width"],
    std: float,
) -> Float[Tensor, "batch time"]:
    """log N(y_t; mean, std), summed over the frame, nats of the dequantised frame y."""
    pixels = frames[0, 0].numel()
    squared_error = (frames - mean).square().sum((2, 3, 4))
    return -0.5 * squared_error / std**2 - pixels * (math.log(std) + 0.5 * math.log(2 * math.pi))


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
) -> Objective:
    """The terms of the scored steps, nats. ``Objective.loss()`` of them is the published loss.

    Levels are (observation, abstract).

    Args:
        trace: of the clips.
        frames: dequantised, of the scored steps.
        mean: decoded from the trace.
        config: of the model.
    """
    divergence = boundary_kl(trace, config.context_steps)
    return Objective(
        reconstruction=log_likelihood(frames, mean, config.likelihood_std),
        state_kl=torch.stack((observation_kl(trace), abstract_kl(trace)), -1),
        event_kl=torch.stack((torch.zeros_like(divergence), divergence), -1),
        changed=torch.stack((torch.ones_like(trace.read), trace.read), -1),
    )
