from __future__ import annotations

import itertools

import pytest

from dlh.training.schedule import REWARM_STEPS, beta, learning_rate_factor


@pytest.mark.parametrize(
    "step,expected",
    [(0, 0.0), (1, 1e-4), (2_500, 0.25), (9_999, 0.9999), (10_000, 1.0), (10**6, 1.0)],
)
def test_beta_rises_linearly_over_the_papers_warm_up(step: int, expected: float) -> None:
    assert beta(step, 10_000) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "step,expected", [(0, 0.0), (75, 0.015), (150, 0.03), (500, 0.515), (850, 1.0), (851, 1.0)]
)
def test_beta_is_low_first_where_that_is_asked_for(step: int, expected: float) -> None:
    assert beta(step, 850, 150) == pytest.approx(expected, abs=1e-12)


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


def test_a_learning_rate_that_had_begun_to_fall_rises_slowly_from_where_it_was() -> None:
    def factor(step: int, **resumed: int) -> float:
        return learning_rate_factor(step, steps=2_000, cooldown_steps=200, **resumed)

    ended = {"rewarm_from": 1_000, "steps_before": 1_000}
    assert factor(1_000, **ended) == pytest.approx(1 / REWARM_STEPS)
    assert factor(1_249, **ended) == pytest.approx(0.5)
    assert factor(1_499, **ended) == factor(1_700, **ended) == 1.0
    assert factor(1_900, **ended) == pytest.approx(0.5)
    half_way = {"rewarm_from": 900, "steps_before": 1_000}
    before = learning_rate_factor(899, steps=1_000, cooldown_steps=200)
    assert factor(900, **half_way) == pytest.approx(before, abs=0.01)
    assert factor(1_149, **half_way) == pytest.approx(0.75)
    rates = [factor(step, **half_way) for step in range(900, 2_000)]
    assert max(abs(a - b) for a, b in itertools.pairwise(rates)) <= 1 / 200 + 1e-9


def test_few_more_steps_never_reach_the_whole_learning_rate() -> None:
    rates = [
        learning_rate_factor(
            step, steps=1_100, cooldown_steps=500, rewarm_from=1_000, steps_before=1_000
        )
        for step in range(1_000, 1_100)
    ]
    assert max(rates) < 0.11 and rates[-1] == pytest.approx(1 / 500)
