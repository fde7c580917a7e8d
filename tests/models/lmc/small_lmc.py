"""A small LMC-Memory in which every input matters, and videos for it."""

from __future__ import annotations

import torch
from torch import Tensor

from dlh.models.lmc import LMCConfig, LMCMemory

# No two sizes are equal, so that no two can be mistaken for each other.
SIZES = {
    "height": 16,
    "width": 32,
    "frame_channels": (3, 5),
    "num_layers": 2,
    "hidden_channels": 4,
    "motion_channels": (2, 6, 7, 8),
    "num_slots": 9,
    "attention_size": 10,
    "context_steps": 9,
    "long_steps": 11,
    "warmup_iterations": 3,
    "warmup_horizon": 2,
}


def small_config(**changes) -> LMCConfig:
    """A configuration whose model runs in milliseconds."""
    return LMCConfig(**{**SIZES, **changes})


def small_model(seed: int = 0, **changes) -> LMCMemory:
    """A float64 model with random weights and biases."""
    generator = torch.Generator().manual_seed(seed)
    model = LMCMemory(small_config(**changes)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            gain = 1.5 / parameter[0].numel() ** 0.5 if parameter.ndim > 1 else 0.3
            parameter.copy_(gain * noise)
    return model


def small_video(model: LMCMemory, batch: int = 2, steps: int = 14, seed: int = 0) -> Tensor:
    """Random frames."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, steps, *model.frame_shape, generator=generator, dtype=torch.float64)
