from __future__ import annotations

import pytest

from dlh.models.cwvae import CWVAEConfig, mazes, minerl, moving_mnist


def test_published_configurations():
    assert mazes() == CWVAEConfig()
    assert mazes().frame_shape == (3, 64, 64) and mazes().embedding_size == 1024
    assert (mazes().num_levels, mazes().clock_factor, mazes().intervals) == (3, 6, (1, 6, 36))
    assert (mazes().state_size, mazes().memory_size, mazes().hidden_size) == (20, 200, 200)
    assert (minerl().state_size, minerl().memory_size, minerl().hidden_size) == (100, 800, 800)
    assert [of().likelihood_std for of in (mazes, moving_mnist, minerl)] == [0.1, 1.0, 0.4]
    assert [of().channels for of in (mazes, moving_mnist, minerl)] == [3, 1, 3]


def test_quirks_are_kept_by_default():
    config = CWVAEConfig()
    assert (config.std_shift, config.output, config.pooling) == ("input", "tanh", "sum")
    assert config.context_rule == "any"


@pytest.mark.parametrize(
    "frames, ticks",
    [(0, (0, 0, 0)), (1, (1, 1, 1)), (6, (6, 1, 1)), (7, (7, 2, 1)), (37, (37, 7, 2))],
)
def test_ticks_of_a_clip(frames, ticks):
    assert CWVAEConfig().ticks(frames) == ticks


@pytest.mark.parametrize("size", [16, 32, 48])
def test_other_sizes_have_the_embedding_of_their_own_convolutions(size):
    config = CWVAEConfig(height=size, width=32)
    assert config.embedding_size == 256 * (size // 16) * 2
