from __future__ import annotations

import pytest
import torch

from dlh.analysis import level_divergences
from dlh.models.dlh.bound import Bound


def objective(state_kl: torch.Tensor, event_kl: torch.Tensor) -> Bound:
    return Bound(
        reconstruction=torch.zeros(state_kl.shape[:2]),
        state_kl=state_kl,
        event_kl=event_kl,
        changed=torch.ones_like(state_kl, dtype=torch.bool),
    )


def test_divergences_are_summed_over_time_and_averaged_over_sequences():
    state = torch.tensor([[[3.0, 1.0], [5.0, 0.0]], [[1.0, 0.0], [3.0, 3.0]]], requires_grad=True)
    event = torch.tensor([[[0.0, 0.5], [0.0, 0.5]], [[0.0, 2.0], [0.0, 0.0]]])
    found = level_divergences(objective(state, event))
    assert found.state == (6.0, 2.0)
    assert found.event == (0.0, 1.5)
    assert found.total_state == 8.0
    assert found.state_share == (0.75, 0.25)


def test_it_agrees_with_the_bound_itself():
    generator = torch.Generator().manual_seed(0)
    terms = objective(
        torch.rand(3, 7, 4, generator=generator), torch.rand(3, 7, 4, generator=generator)
    )
    found = level_divergences(terms)
    assert found.total_state + sum(found.event) == pytest.approx(-float(terms.elbo.mean()))
    assert sum(found.state_share) == pytest.approx(1)


def test_a_model_that_says_nothing_has_no_share_to_divide():
    assert level_divergences(objective(torch.zeros(2, 3, 2), torch.zeros(2, 3, 2))).state_share == (
        0.0,
        0.0,
    )
