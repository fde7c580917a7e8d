from __future__ import annotations

import numpy as np
import pytest
import torch

from dlh.analysis.moving_ball.least_nats import least_state_kl
from dlh.analysis.moving_ball.observers import foreseen_bounces
from dlh.analysis.observe import observe_clips
from dlh.data.worlds.moving_ball import MovingBall, MovingBallConfig
from dlh.distributions import Gaussian
from dlh.models.dlh import DLHConfig, DynamicLatentHierarchy

WORLD = MovingBallConfig(size=16, radius=2, speed=3.0)
CONFIG = DLHConfig(
    height=16,
    width=16,
    num_levels=2,
    feature_size=16,
    context_size=16,
    memory_size=16,
    state_size=4,
    hidden_sizes=(8,),
    convolution_channels=(4, 4, 8, 8),
    initial_std=(0.3, 0.3),
)


@pytest.fixture(scope="module")
def observed():
    torch.manual_seed(0)
    model = DynamicLatentHierarchy(CONFIG).eval()
    clips = MovingBall(WORLD).held_out("test", count=3, clip_length=8)
    trace, bound = observe_clips(model, clips, torch.Generator().manual_seed(1), steps=8)
    return model, clips, trace, bound


def test_a_prior_that_knows_the_place_pays_nothing(observed):
    model, clips, trace, _ = observed
    places = np.repeat(clips.positions[:, :, None], 5, axis=2)
    assert least_state_kl(model, trace, clips, WORLD, places) == pytest.approx(0, abs=1e-4)


def test_of_two_places_it_pays_what_their_mixture_costs(observed):
    """By hand: posteriors of the two frames, the moments of their mixture, one divergence."""
    model, clips, trace, _ = observed
    other = clips.positions[:, ::-1]
    places = np.stack([clips.positions, other], 2)
    found = least_state_kl(model, trace, clips, WORLD, places)
    frames = MovingBall(WORLD).paint(other[:1, 3:4], clips.colours[:1, 3:4])
    video = torch.from_numpy(frames).permute(0, 1, 4, 2, 3).float() / 255
    with torch.no_grad():
        there = model.levels[0].posterior(model.encode(video)[0], trace.context[:1, 3, 0])
        here = trace.posterior.map(lambda part: part[:1, 3, 0])
        mean = (here.mean + there.mean) / 2
        second = (here.std**2 + here.mean**2 + there.std**2 + there.mean**2) / 2
        expected = here.kl(Gaussian(mean, (second - mean**2).sqrt()))
    assert found[0, 3] == pytest.approx(float(expected), rel=1e-3)
    assert found[0, 3] > 1e-4


def test_no_prior_of_a_model_pays_less_on_average(observed):
    model, clips, trace, bound = observed
    places = foreseen_bounces(clips, WORLD, particles=64).places
    least = least_state_kl(model, trace, clips, WORLD, places)
    assert least.shape == (3, 8)
    assert 0 < least.sum(1).mean() < float(bound.state_kl[..., 0].sum(1).mean())
    assert least[:, 0].mean() > least[:, -1].mean()  # the first place is anyone's guess
