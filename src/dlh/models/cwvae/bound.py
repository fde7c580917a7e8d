"""The evidence lower bound of a trace."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor

from dlh.interfaces import Objective, Term
from dlh.models.cwvae.config import CWVAEConfig
from dlh.models.cwvae.trace import Trace


def log_likelihood(
    frames: Float[Tensor, "frames channel height width"],
    mean: Float[Tensor, "frames channel height width"],
    std: float,
) -> Float[Tensor, "frames"]:
    """log p(frame | .) under a Gaussian of fixed std, summed over the frame, nats."""
    pixels = frames[0].numel()
    squared_error = (frames - mean).square().sum((1, 2, 3))
    return -0.5 * squared_error / std**2 - pixels * (math.log(std) + 0.5 * math.log(2 * math.pi))


def state_kl(trace: Trace, config: CWVAEConfig, steps: int) -> Float[Tensor, "batch time levels"]:
    """KL[q || p] of each tick, nats, at the frame at which the tick begins; 0 between ticks."""
    divergences = trace.levels[0].state.new_zeros(
        len(trace.levels[0].state), steps, config.num_levels
    )
    for index, (ticks, prior) in enumerate(zip(trace.levels, trace.priors, strict=True)):
        divergences[:, :: config.intervals[index], index] = ticks.drawn_from.kl(prior)
    return divergences


def bound(
    reconstruction: Float[Tensor, "batch time"], trace: Trace, config: CWVAEConfig
) -> Objective:
    """The bound and its terms; the loss is minus the bound over the number of frames."""
    divergences = state_kl(trace, config, reconstruction.shape[1])
    return Objective(
        loss=(divergences.sum(2) - reconstruction).mean(),
        terms={
            "reconstruction": Term(value=reconstruction),
            "state_kl": Term(value=divergences),
        },
        elbo=(reconstruction.sum(1) - divergences.sum((1, 2))).detach(),
    )
