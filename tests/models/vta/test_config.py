from __future__ import annotations

import dataclasses

import pytest

from dlh.models.vta import VTAConfig
from dlh.settings import ConfigError


def test_defaults_are_the_published_configuration():
    config = VTAConfig()
    assert config.frame_shape == (3, 32, 32)
    assert (config.convolution_channels, config.belief_size, config.state_size) == (128, 128, 8)
    assert (config.context_steps, config.window_steps) == (5, 20)
    assert (config.max_segment_length, config.max_segments) == (8, 5)
    assert config.likelihood_std == 1.0


def test_default_switches_are_the_published_code_s_at_its_window():
    config = VTAConfig()
    assert (config.generated_boundaries, config.way_back) == ("argmax", "grey_levels")
    assert not config.generation_limits
    published = VTAConfig(segment_limit="published")
    assert all(config.most_segments(w) == published.most_segments(w) == 5 for w in (1, 6, 20))


@pytest.mark.parametrize("window, most", [(20, 5), (21, 6), (40, 10), (90, 23)])
def test_the_limit_of_segments_grows_with_the_window_unless_it_is_the_published_one(window, most):
    assert VTAConfig().most_segments(window) == most
    assert VTAConfig(segment_limit="published").most_segments(window) == 5


@pytest.mark.parametrize("size, halvings", [(8, 1), (16, 2), (32, 3), (64, 4), (128, 5)])
def test_every_halving_of_a_frame_down_to_4_pixels_is_a_convolution(size, halvings):
    assert VTAConfig(height=size, width=size).halvings == halvings


@pytest.mark.parametrize("frames", [1, 10])
def test_a_clip_needs_a_frame_beside_its_context(frames):
    with pytest.raises(ValueError, match=f"11 frames.*found {frames}"):
        VTAConfig().scored_steps(frames)
    assert VTAConfig().scored_steps(11) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"channels": 2},
        {"height": 64},
        {"width": 64},
        {"height": 48, "width": 48},
        {"height": 4, "width": 4},
        {"height": 0, "width": 0},
        {"height": -8, "width": -8},
        {"convolution_channels": 0},
        {"belief_size": -1},
        {"state_size": 0},
        {"context_steps": 0},
        {"max_segment_length": 0},
        {"max_segments": 0},
        {"window_steps": 0},
        {"likelihood_std": 0.0},
        {"likelihood_std": float("nan")},
        {"likelihood_std": float("inf")},
        {"segment_limit": "none"},
        {"generated_boundaries": "drawn"},
        {"way_back": None},
    ],
)
def test_an_invalid_setting_is_refused_by_name_and_value(changes):
    with pytest.raises(ConfigError) as refused:
        VTAConfig(**changes)
    assert refused.value.code == "invalid-setting"
    for name, value in changes.items():
        assert name in str(refused.value) and str(value) in str(refused.value)


def test_is_frozen_and_keyword_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        VTAConfig().state_size = 2
    with pytest.raises(TypeError):
        VTAConfig(3)
