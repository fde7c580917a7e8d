"""VTA's two levels looked into: what decodes them, and what another state changes."""

from __future__ import annotations

import math

import pytest
import torch

from dlh.models.vta.boundaries import READ, temperature
from dlh.models.vta.pixels import to_frames
from small_vta import clips, lively_vta, small_vta_config


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def looked():
    config = small_vta_config(way_back="smooth")
    model, video = lively_vta(config).eval(), clips(config, frames=16)
    with torch.no_grad():
        trace, frames = model.observe(video, temperature=temperature(math.inf), generator=seeded())
    return model, trace, frames, model.observe_levels(video, generator=seeded())


def moments(observed):
    clips, steps = observed.state.shape[:2]
    return torch.arange(clips).repeat_interleave(steps), torch.arange(steps).repeat(clips)


def test_what_levels_pay_and_where_they_change_is_that_of_the_bound(looked):
    model, trace, frames, observed = looked
    with torch.no_grad():
        found = model._bound(trace, frames)
    torch.testing.assert_close(observed.state_kl, found.state_kl)
    torch.testing.assert_close(observed.event_kl, found.event_kl)
    assert torch.equal(observed.changed[..., 1], trace.read) and observed.changed[..., 0].all()
    assert 0 < int(trace.read[:, 1:].sum()) < trace.read[:, 1:].numel()
    assert observed.state.shape[1] == 16 - 2 * model.first_observed


def test_a_boundary_is_foreseen_by_the_prior_of_the_step_before(looked):
    _, trace, _, observed = looked
    foreseen = observed.foreseen[..., 1]
    assert foreseen[:, 1:].all() and not foreseen[:, 0].any()
    assert not observed.foreseen[..., 0].any()
    given = trace.boundary_logits.softmax(-1)[:, :-1, READ]
    torch.testing.assert_close(observed.change_probability[:, 1:, 1], given)


def test_the_states_as_inferred_give_the_frames_that_the_bound_decodes(looked):
    model, trace, _, observed = looked
    with torch.no_grad():
        frames = to_frames(model.decode(trace.observation_feature), "smooth")
    states = observed.state.flatten(0, 1)[:, None]
    decoded = model.decode_states(observed.source, *moments(observed), states)
    torch.testing.assert_close(decoded[:, 0], frames.flatten(0, 1), atol=1e-10, rtol=0)


@pytest.mark.parametrize("level", [1, 2])
def test_another_state_of_either_level_reaches_the_frame(looked, level):
    model, _, _, observed = looked
    clip, step = torch.tensor([0, 1, 2]), torch.tensor([3, 5, 9])
    own = observed.state[clip, step][:, None]
    other = own.clone()
    other[:, :, level - 1] += 1.0
    frames, changed = (model.decode_states(observed.source, clip, step, s) for s in (own, other))
    assert float((frames - changed).abs().amax((1, 2, 3, 4)).min()) > 1e-6


@pytest.mark.parametrize("level", [1, 2])
def test_a_rolled_level_begins_at_the_inferred_frame_and_takes_the_models_own_steps(looked, level):
    """Level 1 goes on within its segment; level 2 begins one segment after another."""
    model, _, _, observed = looked
    clip, step = torch.tensor([0, 1]), torch.tensor([3, 6])
    held = observed.source.at(clip, step)
    own = model.decode_states(observed.source, clip, step, observed.state[clip, step][:, None])
    rolled = model.roll_level(observed.source, level, clip, step, steps=2, generator=seeded(5))
    torch.testing.assert_close(rolled[:, :1], own, atol=1e-10, rtol=0)
    draws, shape = seeded(5), held.abstract_state.shape
    below, above = held.observation_state, held.abstract_state
    belief, belief_below = held.abstract_belief, held.observation_belief
    upper, lower = model.abstract, model.observation
    with torch.no_grad():
        told = upper.feature(belief, above)
        for number in range(1, 3):
            noise = torch.empty(shape, dtype=torch.float64).normal_(generator=draws)
            if level == 1:
                belief_below = lower.transition.step(torch.cat((below, told), -1), belief_below)
                prior = lower.prior(belief_below)
                below = prior.mean + prior.std * noise
            else:
                belief = upper.transition.step(above, belief)
                prior = upper.prior(belief)
                above = prior.mean + prior.std * noise
                belief_below = upper.feature(belief, above)
            frame = to_frames(model.decoder(lower.feature(belief_below, below)), "smooth")
            torch.testing.assert_close(rolled[:, number], frame, atol=1e-10, rtol=0)
