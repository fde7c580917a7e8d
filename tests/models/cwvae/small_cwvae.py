"""A small CW-VAE with lively weights, in float64, and videos for it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from dlh.models.cwvae import CWVAE, CWVAEConfig

# No two sizes are equal, so that no two can be mistaken for each other.
SMALL = CWVAEConfig(
    channels=1,
    height=16,
    width=16,
    num_levels=3,
    clock_factor=2,
    state_size=3,
    memory_size=5,
    hidden_size=6,
    dense_size=7,
    convolution_channels=(2, 3, 4, 8),
    likelihood_std=0.5,
)


def small_model(seed: int = 0, **changes) -> CWVAE:
    """All biases are random too: as initialised, they are 0 and some inputs hardly matter."""
    generator = torch.Generator().manual_seed(seed)
    model = CWVAE(replace(SMALL, **changes)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            gain = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.3
            parameter.copy_(gain * noise)
    return model


def small_video(config: CWVAEConfig = SMALL, batch: int = 2, steps: int = 11) -> Tensor:
    generator = torch.Generator().manual_seed(batch * 100 + steps)
    shape = (batch, steps, *config.frame_shape)
    return torch.rand(shape, generator=generator, dtype=torch.float64)
