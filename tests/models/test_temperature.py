"""Every registered model draws its futures at a temperature."""

from __future__ import annotations

import pytest
import torch

from dlh.interfaces import Temperature
from dlh.runs.build import build_model
from dlh.runs.presets import preset

TINY = ("tiny", "tiny-flat", "tiny-cwvae", "tiny-vta")
CONTEXT, HORIZON, SAMPLES = 10, 5, 6


def futures(name: str, seed: int = 3, **given) -> torch.Tensor:
    torch.manual_seed(0)
    model = build_model(preset(name)).eval()
    video = torch.rand(1, CONTEXT, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(seed)
    return model.predict(
        video, horizon=HORIZON, samples=SAMPLES, generator=generator, **given
    ).frames[0]


def spread(frames: torch.Tensor) -> float:
    return float(frames.std(0).mean())


@pytest.mark.parametrize("name", [*TINY, "tiny-lmc"])
def test_1_changes_nothing(name):
    assert torch.equal(futures(name), futures(name, temperature=Temperature()))


@pytest.mark.parametrize("name", TINY)
def test_cooler_futures_differ_less(name):
    still = Temperature(states=0.0, decisions=0.0)
    free, cold = spread(futures(name)), spread(futures(name, temperature=still))
    assert cold < 0.5 * free


def test_a_deterministic_model_goes_without():
    cold = futures("tiny-lmc", temperature=Temperature(states=0.0, decisions=0.0))
    assert len(cold) == 1 and torch.equal(cold, futures("tiny-lmc"))
