from __future__ import annotations

import pytest
import torch

from dlh.models.dlh.level import Level
from small_models import small_config


def level(index: int, **changes) -> Level:
    torch.manual_seed(0)
    return Level(small_config(3, **changes), index).double()


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def test_the_ends_of_the_hierarchy_lack_what_would_lead_beyond_it():
    bottom, middle, top = level(0), level(1), level(2)
    assert not hasattr(bottom, "change_factor") and hasattr(bottom, "bottom_up")
    assert hasattr(middle, "change_factor") and hasattr(middle, "bottom_up")
    assert hasattr(top, "change_factor") and not hasattr(top, "bottom_up")


def test_the_lowest_level_speaks_to_the_decoder_and_every_other_to_the_one_below():
    state, context = random(4, 3), random(4, 6)
    assert level(0).top_down(state, context).shape == (4, 7)  # c^0, as large as the features
    assert level(1).top_down(state, context).shape == (4, 6)


def test_top_down_reads_state_and_context():
    part, state, context = level(1), random(4, 3), random(4, 6)
    found = part.top_down(state, context)
    assert torch.equal(found, part.to_context(torch.cat((state, context), 1)))
    assert not torch.allclose(part.top_down(state, context + 1), found)
    assert not torch.allclose(part.top_down(state + 1, context), found)


def test_each_level_starts_as_sharp_as_it_is_told_and_the_last_number_holds_above():
    config = small_config(4, initial_std=(0.3, 0.2), std_floor=0.01)
    for index, std in enumerate((0.3, 0.2, 0.2, 0.2)):
        one = Level(config, index)
        features, context = torch.randn(2, config.feature_size), torch.randn(2, config.context_size)
        memory = torch.randn(2, config.memory_size)
        for found in (one.posterior(features, context), one.change_prior(memory, context)):
            torch.testing.assert_close(found.std, torch.full_like(found.std, std + 0.01))


def test_what_upper_levels_send_down_starts_small():
    """So that level 2 starts as the top of two levels does, whose context is nothing at all."""
    largest = [torch.linalg.matrix_norm(level(n).to_context[0].weight, 2).item() for n in range(3)]
    assert largest == pytest.approx([2**0.5, 2**0.5, 0.1 * 2**0.5])
