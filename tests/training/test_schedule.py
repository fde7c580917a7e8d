from __future__ import annotations

import pytest

from dlh.training.schedule import beta


@pytest.mark.parametrize(
    "step,expected",
    [(0, 0.0), (1, 1e-4), (2_500, 0.25), (9_999, 0.9999), (10_000, 1.0), (10**6, 1.0)],
)
def test_beta_rises_linearly_over_the_papers_warm_up(step: int, expected: float) -> None:
    assert beta(step, 10_000) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("step", [0, 1, 500])
def test_without_warm_up_beta_is_one(step: int) -> None:
    assert beta(step, 0) == 1.0
