from __future__ import annotations

import pytest
import torch

from dlh.models.cwvae import BETAS, adam_eps
from refusals import refused


def test_updates_are_those_of_keras():
    """theta -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + 1e-4), written out."""
    theta = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=0.01, betas=BETAS)
    m = v = torch.zeros(3, dtype=torch.float64)
    expected = theta.detach().clone()
    for update in range(1, 6):
        gradient = torch.tensor([1e-4, 3e-3, 2.0], dtype=torch.float64) * update
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        rate = 0.01 * (1 - 0.999**update) ** 0.5 / (1 - 0.9**update)
        expected = expected - rate * m / (v.sqrt() + 1e-4)
        theta.grad = gradient
        optimizer.param_groups[0]["eps"] = adam_eps(update)
        optimizer.step()
        torch.testing.assert_close(theta.detach(), expected, rtol=1e-12, atol=0)


def test_eps_falls_to_that_of_keras():
    assert adam_eps(1) == pytest.approx(3.2e-3, rel=0.02)
    assert adam_eps(1000) == pytest.approx(1.26e-4, rel=0.01)
    assert adam_eps(10**6) == pytest.approx(1e-4)


@pytest.mark.parametrize("update", [0, -3])
def test_updates_are_counted_from_one(update):
    with refused(ValueError, update):
        adam_eps(update)
