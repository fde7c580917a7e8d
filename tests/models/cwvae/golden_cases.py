"""CW-VAE with the weights, frames and noise of the golden cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlh.models.cwvae import CWVAE, CWVAEConfig, Noise
from golden import weights

CASES: dict[str, dict[str, Any]] = weights.CASES["cwvae"]
GOLDEN = np.load(Path(weights.__file__).with_name("cwvae.npz"))


def golden(case: str, name: str) -> np.ndarray:
    return GOLDEN[f"{case}/{name}"].astype(np.float64)


def config_of(case: str) -> CWVAEConfig:
    sizes = CASES[case]
    return CWVAEConfig(
        channels=sizes["channels"],
        height=sizes["size"],
        width=sizes["size"],
        num_levels=sizes["levels"],
        clock_factor=sizes["factor"],
        state_size=sizes["stoch"],
        memory_size=sizes["deter"],
        hidden_size=sizes["embed"],
        dense_size=sizes["dense"],
        likelihood_std=sizes["std"],
        context_rule="published",
    )


def entries_of(case: str) -> tuple[int, list[weights.Entry]]:
    names = ("channels", "levels", "stoch", "deter", "embed", "dense", "size")
    return weights.cwvae(**{name: CASES[case][name] for name in names})


def parts_of(model: CWVAE, name: str) -> list[Tensor]:
    """The parameters that together are the published one, side by side along their last axis."""
    owner, _, rest = name.partition(".")
    layer, _, kind = rest.rpartition(".")
    if owner == "decoder":
        modules = {"dense": model.decoder.dense}
        modules |= {f"deconv{k + 1}": model.decoder.convolutions[2 * k] for k in range(4)}
        return [getattr(modules[layer], kind)]
    if owner == "encoder":
        if layer.startswith("conv"):
            return [getattr(model.encoder.convolutions[2 * (int(layer[4:]) - 1)], kind)]
        level, dense = layer.split(".")
        stack = model.encoder.upper_levels[int(level[5:]) - 2]
        return [getattr(stack[2 * (int(dense[5:]) - 1)], kind)]
    cell = model.cells[int(owner[4:]) - 1]
    if layer == "gru":
        recurrence = cell.recurrence
        return [
            {
                "input_weight": recurrence.weight_ih_l0,
                "state_weight": recurrence.weight_hh_l0,
                "input_bias": recurrence.bias_ih_l0,
                "state_bias": recurrence.bias_hh_l0,
            }[kind]
        ]
    if layer in ("input", "posterior_hidden1"):
        both = cell.input if layer == "input" else cell.posterior_input
        return [both.bias] if kind == "bias" else [both.of_first, both.of_second]
    modules = {
        "prior_hidden": cell.prior_hidden,
        "prior_mean": cell.prior_head.mean,
        "prior_std": cell.prior_head.std,
        "posterior_hidden2": cell.posterior_hidden,
        "posterior_mean": cell.posterior_head.mean,
        "posterior_std": cell.posterior_head.std,
    }
    return [getattr(modules[layer], kind)]


def published(model: CWVAE, name: str, gradient: bool = False) -> np.ndarray:
    """A published parameter, or its gradient, as the model has it now."""
    parts = [part.grad if gradient else part.detach() for part in parts_of(model, name)]
    return torch.cat(parts, -1).double().numpy()


def golden_model(case: str, dtype: torch.dtype) -> CWVAE:
    model = CWVAE(config_of(case))
    filled: set[Tensor] = set()
    with torch.no_grad():
        for name, value in weights.parameters(*entries_of(case)).items():
            parts = parts_of(model, name)
            sizes = [part.shape[-1] for part in parts]
            for part, piece in zip(parts, torch.from_numpy(value).split(sizes, -1), strict=True):
                assert part.shape == piece.shape, name
                part.copy_(piece)
                filled.add(part)
    assert filled == set(model.parameters())
    return model.to(dtype)


def golden_video(case: str, dtype: torch.dtype) -> Tensor:
    shape = (weights.BATCH, CASES[case]["frames"], *config_of(case).frame_shape)
    frames = weights.frames(weights.CWVAE, CASES[case]["number"], shape)
    return torch.from_numpy(frames).to(dtype)


def golden_noise(case: str, dtype: torch.dtype) -> tuple[Noise, Noise]:
    """Of the priors and of the posteriors, over all ticks of the clip."""
    priors, posteriors = (
        Noise(tuple(torch.from_numpy(level).to(dtype) for level in levels))
        for levels in weights.cwvae_noise(case)
    )
    return priors, posteriors
