from __future__ import annotations

import dataclasses

import pytest

from dlh.interfaces import ConfigError
from dlh.models.dlh import DLHConfig


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
    "changes, message",
    [
        ({"channels": 2}, r"channels is 1 \(grey\) or 3 \(colour\), found 2"),
        ({"height": 60}, r"height is a positive multiple of 16, found 60; the nearest is 64"),
        ({"width": 8}, r"width is a positive multiple of 16, found 8; the nearest is 16"),
        ({"width": 0}, r"width is a positive multiple of 16, found 0; the nearest is 16"),
        ({"height": -16}, r"height is a positive multiple of 16, found -16"),
        ({"num_levels": 0}, r"num_levels is at least 1, found 0"),
        ({"state_size": 0}, r"state_size is at least 1, found 0"),
        ({"memory_size": -3}, r"memory_size is at least 1, found -3"),
        ({"hidden_sizes": ()}, r"hidden_sizes is one or more positive sizes, found \(\)"),
        ({"hidden_sizes": (40, 0)}, r"hidden_sizes is one or more positive sizes, found \(40, 0\)"),
        ({"convolution_channels": (8, 8)}, r"convolution_channels is 4 positive sizes, found \(8"),
        ({"likelihood_std": 0.0}, r"likelihood_std is positive, found 0.0"),
        ({"likelihood_std": float("nan")}, r"likelihood_std is positive, found nan"),
        ({"initial_std": (0.1, 0.0)}, r"initial_std is one or more positive numbers, found \(0.1"),
        ({"initial_std": ()}, r"initial_std is one or more positive numbers, found \(\)"),
        ({"std_floor": -0.1}, r"std_floor is positive, found -0.1"),
        ({"activation": "gelu"}, r"activation is one of elu, silu, relu, found 'gelu'"),
        ({"memory": "tick"}, r"memory is one of held, ticking, found 'tick'"),
        ({"factor_input": "above"}, r"factor_input is one of below, own, found 'above'"),
        ({"decision": "vaed"}, r"decision is one of threshold, vade, found 'vaed'"),
        ({"selection_context": ""}, r"selection_context is one of held, full, found ''"),
        ({"memory": None}, r"memory is one of held, ticking, found None"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name_and_value(changes, message):
    with pytest.raises(ConfigError, match=message):
        DLHConfig(**changes)


def test_is_frozen_and_keyword_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DLHConfig().num_levels = 2
    with pytest.raises(TypeError):
        DLHConfig(3)
