"""A small flat model with weights under which every input matters."""

from __future__ import annotations

import torch

from dlh.models.flat import FlatConfig, FlatModel

SMALL = FlatConfig(
    channels=1,
    height=16,
    width=16,
    feature_size=9,
    memory_size=7,
    state_size=3,
    hidden_sizes=(8,),
    convolution_channels=(2, 3, 4, 5),
    likelihood_std=0.5,
)


def a_model(config: FlatConfig = SMALL, seed: int = 0) -> FlatModel:
    """In float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = FlatModel(config).double()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model
