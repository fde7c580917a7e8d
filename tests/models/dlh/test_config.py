from __future__ import annotations

import dataclasses
import re
from typing import get_args, get_type_hints

import pytest

from dlh.models.dlh import DLHConfig
from dlh.networks import ACTIVATIONS
from dlh.settings import ConfigError


def test_defaults_are_the_sizes_of_the_paper():
    config = DLHConfig()
    assert config.frame_shape == (3, 64, 64)
    assert config.feature_size == config.context_size == config.memory_size == 200
    assert config.factor_size == 200
    assert (config.state_size, config.hidden_sizes) == (20, (40, 40, 40))
    assert config.convolution_channels == (32, 64, 128, 256)


def test_default_switches_are_the_readings_of_record():
    config = DLHConfig()
    assert (config.memory, config.factor_input) == ("held", "below")
    assert (config.decision, config.selection_context) == ("threshold", "held")
    assert config.nesting and config.static_prior_gradient


@pytest.mark.parametrize(
    "name, value",
    [
        ("channels", 2),
        ("height", 60),
        ("height", -16),
        ("width", 8),
        ("width", 0),
        ("num_levels", 0),
        ("state_size", 0),
        ("memory_size", -3),
        ("hidden_sizes", ()),
        ("hidden_sizes", (40, 0)),
        ("convolution_channels", (8, 8)),
        ("likelihood_std", 0.0),
        ("likelihood_std", float("nan")),
        ("initial_std", (0.1, 0.0)),
        ("initial_std", ()),
        ("std_floor", -0.1),
        ("activation", "gelu"),
        ("memory", "tick"),
        ("factor_input", "above"),
        ("decision", "vaed"),
        ("selection_context", ""),
        ("memory", None),
    ],
)
def test_an_invalid_setting_is_refused_by_name_and_value(name, value):
    with pytest.raises(ConfigError, match=f"^{name} is .*found {re.escape(repr(value))}") as raised:
        DLHConfig(**{name: value})
    assert raised.value.code == "invalid-setting"


def test_the_nearest_size_is_suggested():
    with pytest.raises(ConfigError, match="64"):
        DLHConfig(height=60)


def test_every_activation_can_be_asked_for():
    assert set(get_args(get_type_hints(DLHConfig)["activation"])) == set(ACTIVATIONS)


def test_is_frozen_and_keyword_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DLHConfig().num_levels = 2
    with pytest.raises(TypeError):
        DLHConfig(3)
