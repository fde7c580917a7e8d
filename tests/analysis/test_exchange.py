from __future__ import annotations

import pytest
import torch

from dlh.analysis.exchange import Moments, resample, roll
from dlh.models.dlh import DynamicLatentHierarchy
from refusals import refused
from small_models import lively_model, lively_video, small_config


@pytest.fixture(scope="module", params=[1, 3])
def observed(request):
    config = small_config(request.param)
    model = lively_model(config)
    return model, model.observe_levels(lively_video(config), generator=torch.Generator())


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def decode_states(model, observed):
    """Frames of the states of all steps, as inferred, (clips, time, ...)."""
    clips, steps = observed.state.shape[:2]
    clip = torch.arange(clips).repeat_interleave(steps)
    step = torch.arange(steps).repeat(clips)
    states = observed.state.flatten(0, 1)[:, None]
    return model.decode_states(observed.source, clip, step, states).view(
        clips, steps, *model.frame_shape
    )


def test_the_states_alone_give_the_frames_that_the_bound_decodes(observed):
    model, found = observed
    with torch.no_grad():
        frames = model.decode(found.source.frame_context).clamp(0, 1)
    torch.testing.assert_close(decode_states(model, found), frames, atol=1e-12, rtol=0)


def test_moments_are_spread_over_clips_and_time(observed):
    _, found = observed
    moments = Moments.spread(found, 3)
    assert moments.clip.tolist() == [0, 1, 2] and moments.step.tolist() == [3, 6, 8]
    assert moments.of(found.state).shape == (3, *found.state.shape[2:])
    assert int(Moments.spread(found, 7, before_end=1).step.max()) < 11
    with refused(ValueError, 12, 0):
        Moments.spread(found, 0)


def test_only_the_named_level_is_exchanged_and_by_what_it_held_elsewhere(observed, monkeypatch):
    model, found = observed
    levels = model.config.num_levels
    seen = []
    monkeypatch.setattr(
        model,
        "decode_states",
        lambda source, clip, step, state: seen.append(state) or torch.zeros(*state.shape[:2], 1, 2),
    )
    moments = Moments.spread(found, 2)
    for level in range(1, levels + 1):
        seen.clear()
        resample(model, found, [level], moments, samples=4, generator=generator())
        own, exchanged = seen
        for index in range(levels):
            same = (exchanged[:, :, index] == own[:, :, index]).all(-1)
            if index == level - 1:
                held = found.state[:, :, index].flatten(0, 1)
                assert all((held == state).all(-1).any() for state in exchanged[0, :, index])
                assert not same.all()
            else:
                assert bool(same.all())


def test_the_variance_of_pixels_is_that_between_the_samples_of_a_moment(observed):
    model, found = observed
    moments = Moments.spread(found, 2)
    everything = range(1, model.config.num_levels + 1)
    drawn = resample(model, found, everything, moments, samples=50, generator=generator())
    by_hand = (drawn.frames - drawn.frames.mean(1, keepdim=True)).square().mean()
    assert drawn.pixel_variance == pytest.approx(float(by_hand)) and by_hand > 1e-6
    nothing = resample(model, found, [], moments, samples=3, generator=generator())
    assert nothing.pixel_variance == pytest.approx(0, abs=1e-20)
    torch.testing.assert_close(nothing.frames[:, 0], nothing.original)


def test_states_from_the_prior_are_draws_of_it(observed, monkeypatch):
    model, found = observed
    seen = []
    monkeypatch.setattr(
        model,
        "decode_states",
        lambda source, clip, step, state: seen.append(state) or torch.zeros(*state.shape[:2], 1, 2),
    )
    moments = Moments.spread(found, 1)
    top = model.config.num_levels
    resample(model, found, [top], moments, samples=4000, source="prior", generator=generator())
    drawn, prior = seen[-1][0, :, top - 1], found.source.change_prior
    mean, std = (moments.of(part)[0, top - 1] for part in (prior.mean, prior.std))
    assert bool(((drawn.mean(0) - mean).abs() < 4 * std / 4000**0.5).all())
    torch.testing.assert_close(drawn.std(0), std, rtol=0.06, atol=0)


def test_a_rolled_level_goes_the_way_of_the_models_own_rollout():
    """With one level there is nothing to hold fixed: rolling it on is prediction."""
    config = small_config(1)
    model = lively_model(config)
    video = lively_video(config, batch=2, steps=9)
    found = model.observe_levels(video, generator=torch.Generator())
    moments = Moments(clip=torch.tensor([0, 1]), step=torch.tensor([7, 7]))
    rolled = roll(model, found, 1, moments, steps=3, generator=generator())
    # The model's own step, by hand, from d_{t+1} of the trace.
    level, memory, state, draws = model.levels[0], found.source.memory[:, 8, 0], None, generator()
    with torch.no_grad():
        for step in range(1, 4):
            prior = level.change_prior(memory, memory.new_zeros(2, config.context_size))
            noise = torch.randn(prior.mean.shape, generator=draws, dtype=torch.float64)
            state = prior.mean + prior.std * noise
            memory = level.transition.step(state, memory)
            frame = model.decoder(level.top_down(state, state.new_zeros(2, config.context_size)))
            torch.testing.assert_close(rolled[:, step], frame.clamp(0, 1))
    torch.testing.assert_close(rolled[:, 0], moments.of(decode_states(model, found)))


def test_levels_that_are_not_rolled_stay(observed, monkeypatch):
    model, found = observed
    seen = []
    monkeypatch.setattr(model, "shown", lambda state: seen.append(state) or state)
    for level in range(1, model.config.num_levels + 1):
        roll(model, found, level, Moments.spread(found, 2, before_end=1), steps=4)
        states = seen.pop()
        for index in range(model.config.num_levels):
            moved = (states[:, 1:, index] != states[:, :-1, index]).any()
            assert bool(moved) == (index == level - 1)


def test_what_is_not_there_is_refused(observed):
    model, found = observed
    levels = model.config.num_levels
    moments = Moments.spread(found, 1)
    with refused(ValueError, levels, levels + 1):
        resample(model, found, [levels + 1], moments, samples=1)
    with refused(ValueError, 0):
        roll(model, found, 0, moments, steps=1)
    with refused(ValueError, "'nowhere'"):
        resample(model, found, [1], moments, samples=1, source="nowhere")
    last = Moments(clip=torch.tensor([0]), step=torch.tensor([11]))
    with refused(ValueError, 11, 12):
        roll(model, found, 1, last, steps=1)


def test_a_model_without_nesting_decodes_from_its_states_too():
    config = small_config(3, nesting=False)
    model = lively_model(config)
    assert isinstance(model, DynamicLatentHierarchy)
    found = model.observe_levels(lively_video(config), generator=torch.Generator())
    with torch.no_grad():
        frames = model.decode(found.source.frame_context).clamp(0, 1)
    torch.testing.assert_close(decode_states(model, found), frames, atol=1e-12, rtol=0)
