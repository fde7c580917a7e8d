from __future__ import annotations

import pytest
import torch

from dlh.evaluation.floors.trivial import black_frame
from dlh.interfaces import Objective, VideoModel


def objective() -> Objective:
    """Two clips of three frames, two levels."""
    return Objective(
        reconstruction=torch.tensor([[-1.0, -2.0, -3.0], [-4.0, -5.0, -6.0]]),
        state_kl=torch.ones(2, 3, 2) * torch.tensor([1.0, 0.5]),
        event_kl=torch.ones(2, 3, 2) * torch.tensor([0.0, 0.25]),
    )


def test_elbo_is_the_bound_itself_in_nats_per_clip():
    # 6 or 15 nats of frames, and 3 frames x (1 + .5 + .25) of divergence
    torch.testing.assert_close(objective().elbo, torch.tensor([-6 - 5.25, -15 - 5.25]))


def test_loss_is_minus_the_bound_per_frame_and_clip():
    torch.testing.assert_close(objective().loss(), -objective().elbo.mean() / 3)


@pytest.mark.parametrize("beta, expected", [(0.0, 3.5), (0.5, 3.5 + 0.875), (1.0, 3.5 + 1.75)])
def test_beta_weighs_the_divergences_only(beta, expected):
    torch.testing.assert_close(objective().loss(beta), torch.tensor(expected))


def test_a_model_without_levels_has_an_objective_too():
    flat = Objective(
        reconstruction=torch.full((2, 3), -1.5),
        state_kl=torch.zeros(2, 3, 0),
        event_kl=torch.zeros(2, 3, 0),
    )
    assert flat.loss() == 1.5 and flat.elbo.tolist() == [-4.5, -4.5]


def test_a_floor_keeps_the_contract_and_a_plain_object_does_not():
    assert isinstance(black_frame((3, 16, 16)), VideoModel)
    assert not isinstance(object(), VideoModel)
