"""The evidence lower bound of a trace."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from dlh.interfaces import Objective
from dlh.models.cwvae.config import CWVAEConfig
from dlh.models.cwvae.trace import Trace
from dlh.models.frame_model import bound_objective


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
    return bound_objective(reconstruction, {"state_kl": divergences})
