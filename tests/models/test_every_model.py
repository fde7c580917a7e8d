"""What holds for every registered model: its settings, its futures, what it refuses, learning."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dlh.errors import UsageError
from dlh.interfaces import TrainableModel
from dlh.models import registry
from dlh.models.cwvae import CWVAEConfig
from dlh.models.dlh import DLHConfig
from dlh.models.dlh.config import DynamicsConfig, EmergenceConfig
from dlh.models.flat import FlatConfig
from dlh.models.lmc import LMCConfig
from dlh.models.vta import VTAConfig
from dlh.settings import ConfigError
from dlh.video import VideoError
from models.cwvae.small_cwvae import SMALL, small_model
from models.flat.small_flat import SMALL as SMALL_FLAT
from models.flat.small_flat import a_model
from models.lmc import small_lmc
from refusals import refused
from small_models import lively_model, seeded, small_config
from small_vta import lively_vta, small_vta_config

SMALL_MODELS: dict[str, Callable[[], TrainableModel]] = {
    "dlh": lambda: lively_model(small_config(2)),
    "flat": a_model,
    "cwvae": small_model,
    "vta": lambda: lively_vta(small_vta_config()).eval(),
    "lmc": small_lmc.small_model,
}
STOCHASTIC = [kind for kind in SMALL_MODELS if kind != "lmc"]


def video_for(model: TrainableModel, steps: int = 12) -> Tensor:
    shape = (2, steps, *model.frame_shape)
    return torch.rand(shape, generator=seeded(), dtype=torch.float64)


@pytest.mark.parametrize("kind", registry.kinds())
def test_settings_are_frozen_and_keyword_only(kind):
    config = registry.config_class(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config().height = 32
    with pytest.raises(TypeError):
        config(3)


@pytest.mark.parametrize(
    "config, name, value",
    [
        *((config, *bad) for config in (DLHConfig, FlatConfig, CWVAEConfig, LMCConfig) for bad in (
            ("channels", 2),
            ("height", 60),
            ("height", -16),
            ("width", 8),
            ("width", 0),
        )),
        *((config, *bad) for config in (DLHConfig, FlatConfig, CWVAEConfig) for bad in (
            ("state_size", 0),
            ("memory_size", -3),
            ("convolution_channels", (8, 8, 8, 0)),
            ("std_floor", -0.1),
            ("likelihood_std", 0.0),
            ("likelihood_std", math.nan),
            ("likelihood_std", math.inf),
        )),
        (DLHConfig, "convolution_channels", (8, 8)),
        (CWVAEConfig, "convolution_channels", (8, 8)),
        (DLHConfig, "num_levels", 0),
        (DLHConfig, "hidden_sizes", ()),
        (DLHConfig, "hidden_sizes", (40, 0)),
        (DLHConfig, "initial_std", (0.1, 0.0)),
        (DLHConfig, "initial_std", ()),
        (DLHConfig, "activation", "gelu"),
        (DLHConfig, "memory", "tick"),
        (DLHConfig, "memory", None),
        (DLHConfig, "factor_input", "above"),
        (DLHConfig, "decision", "vaed"),
        (DLHConfig, "selection_context", ""),
        (CWVAEConfig, "num_levels", 0),
        (CWVAEConfig, "clock_factor", 0),
        (CWVAEConfig, "hidden_size", 0),
        (CWVAEConfig, "dense_size", 0),
        (CWVAEConfig, "context_rule", "36"),
        (CWVAEConfig, "std_shift", "none"),
        (CWVAEConfig, "output", "sigmoid"),
        (CWVAEConfig, "pooling", "max"),
        (VTAConfig, "channels", 2),
        (VTAConfig, "height", 64),
        (VTAConfig, "width", 64),
        (VTAConfig, "convolution_channels", 0),
        (VTAConfig, "belief_size", -1),
        (VTAConfig, "state_size", 0),
        (VTAConfig, "context_steps", 0),
        (VTAConfig, "max_segment_length", 0),
        (VTAConfig, "max_segments", 0),
        (VTAConfig, "window_steps", 0),
        (VTAConfig, "likelihood_std", 0.0),
        (VTAConfig, "likelihood_std", math.nan),
        (VTAConfig, "likelihood_std", math.inf),
        (VTAConfig, "segment_limit", "none"),
        (VTAConfig, "generated_boundaries", "drawn"),
        (VTAConfig, "way_back", None),
        (LMCConfig, "frame_channels", (64,)),
        (LMCConfig, "frame_channels", (64, 0)),
        (LMCConfig, "motion_channels", (64, 128, 256)),
        (LMCConfig, "num_layers", 0),
        (LMCConfig, "hidden_channels", -1),
        (LMCConfig, "num_slots", 0),
        (LMCConfig, "attention_size", 0),
        (LMCConfig, "context_steps", 8),
        (LMCConfig, "long_steps", 8),
        (LMCConfig, "warmup_iterations", -1),
        (LMCConfig, "warmup_horizon", 0),
        (LMCConfig, "output", "tanh"),
        (LMCConfig, "unreached_gradient", None),
        (DynamicsConfig, "clips", -1),
        (DynamicsConfig, "clip_length", 0),
        (DynamicsConfig, "batch_size", 0),
        (DynamicsConfig, "learning_rate", 0.0),
        (DynamicsConfig, "muon", -1.0),
        (DynamicsConfig, "megabytes", -2),
        (EmergenceConfig, "exploration", -1.0),
        (EmergenceConfig, "exploration", math.inf),
        (EmergenceConfig, "exploration_decay", 1.0),
        (EmergenceConfig, "initial_likelihood_std", math.nan),
        (EmergenceConfig, "memory_from", -3),
        (EmergenceConfig, "memory_every", -1),
        (EmergenceConfig, "initial_nats", math.inf),
        (EmergenceConfig, "initial_nats", 20.0),
        (EmergenceConfig, "exploration_until", -3),
    ],
)  # fmt: skip
def test_an_invalid_setting_is_refused_by_name_and_value(config, name, value):
    with refused(ConfigError, name, repr(value)):
        config(**{name: value})


@pytest.mark.parametrize("size", [4, 0, -8, 48])
def test_a_square_that_vta_cannot_halve_is_refused(size):
    with refused(ConfigError, size):
        VTAConfig(height=size, width=size)


def test_a_likelihood_that_is_annealed_backwards_is_refused():
    with refused(ConfigError, 9, 4):
        EmergenceConfig(initial_likelihood_std=1.0, anneal_from=9, anneal_until=4)


@pytest.mark.parametrize("kind", STOCHASTIC)
def test_futures_are_reproducible_and_differ_from_each_other(kind):
    model = SMALL_MODELS[kind]()
    video, before = video_for(model), torch.get_rng_state()
    first, again, other = (
        model.predict(video, horizon=4, samples=3, generator=seeded(seed)) for seed in (0, 0, 1)
    )
    assert first.frames.shape == (2, 3, 4, *model.frame_shape)
    assert first.frames.min() >= 0 and first.frames.max() <= 1
    assert torch.equal(first.frames, again.frames)
    assert not torch.equal(first.frames, other.frames)
    assert not torch.equal(first.frames[:, 0], first.frames[:, 1])
    if first.changed is not None:
        assert first.changed.shape == (2, 3, 4, 2) and bool(first.changed[..., 0].all())
        assert torch.equal(first.changed, again.changed)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", STOCHASTIC)
def test_all_randomness_comes_from_the_generator_and_nothing_is_remembered(kind):
    model = SMALL_MODELS[kind]()
    video, before = video_for(model), torch.get_rng_state()
    first = model.objective(video, generator=seeded()).loss
    model.predict(video, horizon=3)
    torch.manual_seed(2)
    assert torch.equal(model.objective(video, generator=seeded()).loss, first)
    assert not torch.equal(model.objective(video, generator=seeded(1)).loss, first)
    torch.set_rng_state(before)


@pytest.mark.parametrize("kind", SMALL_MODELS)
@pytest.mark.parametrize("name, value", [("horizon", 0), ("horizon", -5), ("samples", 0)])
def test_nothing_to_predict_is_refused(kind, name, value):
    model = SMALL_MODELS[kind]()
    with refused(UsageError, name, 1, value):
        model.predict(video_for(model), **{"horizon": 3, name: value})


@pytest.mark.parametrize("verb", ["objective", "predict"])
@pytest.mark.parametrize("kind", SMALL_MODELS)
def test_a_video_of_another_size_or_type_is_refused(kind, verb):
    model = SMALL_MODELS[kind]()
    call, options = getattr(model, verb), {"horizon": 2} if verb == "predict" else {}
    video = video_for(model)
    with refused(VideoError, model.frame_shape, tuple(video[..., :8].shape[2:])):
        call(video[..., :8], **options)
    with refused(VideoError, torch.float64, torch.float32):
        call(video.float(), **options)


FEW = {"likelihood_std": 0.1, "convolution_channels": (8, 8, 8, 8)}
LEARNING = {
    "dlh": small_config(2, feature_size=32, **FEW),
    "flat": dataclasses.replace(SMALL_FLAT, **FEW),
    "cwvae": dataclasses.replace(SMALL, state_size=8, memory_size=32, hidden_size=32, **FEW),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", LEARNING)
def test_one_batch_can_be_learnt_by_heart(kind):
    """Frames of one brightness each, so that a minute's worth of learning takes a second."""
    torch.manual_seed(0)
    model = registry.build(LEARNING[kind])
    brightness = torch.rand(2, 5, 1, 1, 1, generator=seeded())
    video = (0.1 + 0.8 * brightness).expand(2, 5, 1, 16, 16).contiguous()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    losses = []
    for step in range(120):
        optimizer.zero_grad()
        found = model.objective(video, generator=seeded(step))
        found.loss.backward()
        optimizer.step()
        losses.append(found.loss.item())
    # Whoever shows the mean of the batch at every step is off by its variance, 128 / 0.1^2 nats.
    perfect = -256 * (math.log(0.1) + math.log(2 * math.pi) / 2)
    error = 2 * 0.1**2 * (perfect - found["reconstruction"].mean().item()) / 256
    assert error < 0.1 * video.var()
    assert losses[-1] < 0 < losses[0]
