"""Small VTA models whose boundaries differ from clip to clip and step to step."""

from __future__ import annotations

import torch
from torch import Tensor

from dlh.models.vta import VariationalTemporalAbstraction, VTAConfig

# No two sizes are equal, so that no two can be mistaken for each other.
SIZES = {
    "channels": 1,
    "height": 16,
    "width": 16,
    "convolution_channels": 6,
    "belief_size": 7,
    "state_size": 3,
    "context_steps": 2,
}


def small_vta_config(**changes) -> VTAConfig:
    """A configuration whose model runs in milliseconds."""
    return VTAConfig(**{**SIZES, **changes})


def lively_vta(config: VTAConfig, seed: int = 0) -> VariationalTemporalAbstraction:
    """A float64 model, in training mode, in which every input matters.

    As it is initialised, a model hardly reacts to its frames. Here all weights are random and
    large, running statistics too, and the logits of boundaries go to both sides.
    """
    generator = torch.Generator().manual_seed(seed)
    model = VariationalTemporalAbstraction(config).double()
    with torch.no_grad():
        for name, part in model.state_dict().items():
            if not part.is_floating_point():
                continue
            noise = torch.randn(part.shape, generator=generator, dtype=part.dtype)
            if name.endswith("running_var"):
                part.copy_(0.5 + noise.abs())
            elif part.ndim > 1:
                part.copy_(1.5 * noise / part[0].numel() ** 0.5)
            else:
                part.copy_(0.3 * noise + (name.endswith("weight")))
        model.observation.boundary_prior.weight *= 3
    return model


def clips(config: VTAConfig, batch: int = 3, frames: int = 14, seed: int = 0) -> Tensor:
    """Frames of random pixels, float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, frames, *config.frame_shape, generator=generator, dtype=torch.float64)
