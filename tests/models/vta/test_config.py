from __future__ import annotations

import pytest

from dlh.models.vta import VTAConfig
from refusals import refused


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
    with refused(ValueError, 11, frames):
        VTAConfig().scored_steps(frames)
    assert VTAConfig().scored_steps(11) == 1
