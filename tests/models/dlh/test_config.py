from __future__ import annotations

from typing import get_args, get_type_hints

from dlh.models.dlh import DLHConfig
from dlh.networks import ACTIVATIONS
from dlh.settings import ConfigError
from refusals import refused


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


def test_the_nearest_size_is_suggested():
    with refused(ConfigError, 60, 64):
        DLHConfig(height=60)


def test_every_activation_can_be_asked_for():
    assert set(get_args(get_type_hints(DLHConfig)["activation"])) == set(ACTIVATIONS)
