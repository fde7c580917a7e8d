from __future__ import annotations

import itertools

import pytest
import torch

from dlh.training.randomness import step_generator


def draw(*arguments: int) -> torch.Tensor:
    return torch.randn(64, generator=step_generator(*arguments))


def test_the_same_seed_step_and_rank_draw_the_same() -> None:
    assert torch.equal(draw(3, 70_000, 1), draw(3, 70_000, 1))


def test_another_seed_step_or_rank_draws_something_else() -> None:
    draws = [draw(*key) for key in itertools.product((0, 1, 2), repeat=3)]
    for one, other in itertools.combinations(draws, 2):
        assert not torch.equal(one, other)


def test_neighbouring_steps_are_uncorrelated() -> None:
    rows = torch.stack([torch.randn(4_000, generator=step_generator(0, step)) for step in range(8)])
    correlations = torch.corrcoef(rows) - torch.eye(8)
    assert correlations.abs().max() < 5 / 4_000**0.5


def test_a_run_can_be_resumed_by_a_later_version() -> None:
    # These numbers are part of the contract of a checkpoint: they must never change.
    expected = [0.7200684580902984, 0.6928925331252977, 0.5110283483069592]
    found = torch.rand(3, generator=step_generator(1, 2, 3), dtype=torch.float64).tolist()
    assert found == pytest.approx(expected, abs=1e-15)
