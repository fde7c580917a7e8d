from __future__ import annotations

import pytest

from dlh.training.schedule import beta, learning_rate_factor


@pytest.mark.parametrize(
    "step,expected",
    [(0, 0.0), (1, 1e-4), (2_500, 0.25), (9_999, 0.9999), (10_000, 1.0), (10**6, 1.0)],
)
def test_beta_rises_linearly_over_the_papers_warm_up(step: int, expected: float) -> None:
    assert beta(step, 10_000) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("step", [0, 1, 500])
def test_without_warm_up_beta_is_one(step: int) -> None:
    assert beta(step, 0) == 1.0


@pytest.mark.parametrize(
    "step,expected", [(0, 1.0), (79, 1.0), (80, 1.0), (85, 0.75), (99, 0.05), (100, 0.0)]
)
def test_learning_rate_falls_linearly_at_the_end(step: int, expected: float) -> None:
    factor = learning_rate_factor(step, steps=100, cooldown_steps=20)
    assert factor == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("step", [0, 50, 99])
def test_without_cool_down_the_learning_rate_stays(step: int) -> None:
    assert learning_rate_factor(step, steps=100, cooldown_steps=0) == 1.0
