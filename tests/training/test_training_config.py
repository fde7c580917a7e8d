from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from dlh.training.config import TrainingConfig


def test_the_defaults_are_the_papers() -> None:
    config = TrainingConfig()
    assert (config.learning_rate, config.adam_epsilon) == (5e-4, 1e-4)
    assert (config.batch_size, config.clip_length, config.beta_warmup_steps) == (100, 100, 10_000)


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().steps = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "name,value,allowed",
    [
        ("steps", 0, "a whole number of at least 1"),
        ("batch_size", -3, "a whole number of at least 1"),
        ("clip_length", 2.5, "a whole number of at least 1"),
        ("keep_checkpoints", 0, "a whole number of at least 1"),
        ("checkpoint_every", 0, "a whole number of at least 1"),
        ("log_every", True, "a whole number of at least 1"),
        ("seed", -1, "a whole number of at least 0"),
        ("threads", "2", "a whole number of at least 0"),
        ("validate_every", -1, "a whole number of at least 0"),
        ("held_out_clips", -1, "a whole number of at least 0"),
        ("beta_warmup_steps", -1, "a whole number of at least 0"),
        ("cooldown_steps", -1, "a whole number of at least 0"),
        ("learning_rate", 0.0, "a finite number above 0"),
        ("learning_rate", float("nan"), "a finite number above 0"),
        ("adam_epsilon", float("inf"), "a finite number above 0"),
        ("gradient_norm", 0, "a finite number above 0"),
        ("device", "gpu", "auto, cpu, cuda, cuda:<number> or mps"),
        ("device", "cuda:", "auto, cpu, cuda, cuda:<number> or mps"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(name: str, value: Any, allowed: str) -> None:
    with pytest.raises(ValueError, match="must be") as raised:
        TrainingConfig(**{name: value})
    assert str(raised.value) == f"{name} must be {allowed}, found {value!r}"


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
