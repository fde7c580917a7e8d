from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from dlh.settings import ConfigError
from dlh.training.config import TrainingConfig
from refusals import refused


def test_the_defaults_are_the_papers() -> None:
    config = TrainingConfig()
    assert (config.learning_rate, config.adam_epsilon) == (5e-4, None)
    assert (config.batch_size, config.clip_length, config.beta_warmup_steps) == (100, 100, 10_000)


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().steps = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "name,value",
    [
        ("steps", 0),
        ("batch_size", -3),
        ("clip_length", 2.5),
        ("keep_checkpoints", 0),
        ("checkpoint_every", 0),
        ("log_every", True),
        ("seed", -1),
        ("threads", "2"),
        ("validate_every", -1),
        ("held_out_clips", -1),
        ("beta_warmup_steps", -1),
        ("beta_low_steps", -1),
        ("beta_low_steps", 10_000),
        ("cooldown_steps", -1),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("adam_epsilon", float("inf")),
        ("gradient_norm", -1.0),
        ("device", "gpu"),
        ("device", "cuda:"),
    ],
)
def test_an_invalid_value_is_refused_by_name(name: str, value: Any) -> None:
    with refused(ConfigError, name, repr(value)):
        TrainingConfig(**{name: value})


@pytest.mark.parametrize("value", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_devices_are_accepted(value: str) -> None:
    assert TrainingConfig(device=value).device == value


def test_no_clipping_and_no_warm_up_are_accepted() -> None:
    config = TrainingConfig(gradient_norm=None, beta_warmup_steps=0, validate_every=0)
    assert config.gradient_norm is None


def test_the_config_is_read_without_torch() -> None:
    code = "import sys, dlh.training.config; sys.exit('torch' in sys.modules)"
    path = f"import sys; sys.path[:0] = {sys.path!r}; "
    assert subprocess.run([sys.executable, "-c", path + code], check=False).returncode == 0
