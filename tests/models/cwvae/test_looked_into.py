"""CW-VAE's levels looked into: what decodes them, and what another state or a tick changes."""

from __future__ import annotations

import pytest
import torch

from dlh.models.cwvae.trace import Noise
from models.cwvae.small_cwvae import SMALL, seeded, small_model, small_video

STEPS = 11


@pytest.fixture(scope="module")
def looked():
    model, video = small_model(), small_video(steps=STEPS)
    return model, video, model.observe_levels(video, generator=seeded())


def everywhere(observed):
    """Every clip and step, (clips * time,) each."""
    clips, steps = observed.state.shape[:2]
    return torch.arange(clips).repeat_interleave(steps), torch.arange(steps).repeat(clips)


def test_what_levels_pay_and_where_they_change_is_that_of_the_bound(looked):
    model, video, observed = looked
    with torch.no_grad():
        found = model.objective(video, generator=seeded())
    torch.testing.assert_close(observed.state_kl, found["state_kl"])
    torch.testing.assert_close(observed.elbo, found.elbo)
    for index, ticks in enumerate(SMALL.intervals):
        changes = [step % ticks == 0 for step in range(STEPS)]
        assert observed.changed[:, :, index].tolist() == [changes, changes]
        held = observed.state[:, 1:, index] == observed.state[:, :-1, index]
        assert held.all(-1).tolist() == [[not change for change in changes[1:]]] * 2
        assert not observed.state_kl[:, :, index][~observed.changed[:, :, index]].any()
    assert not observed.foreseen.any() and not observed.event_kl.any()


def test_the_states_as_inferred_give_the_frames_that_the_bound_decodes(looked):
    model, video, observed = looked
    with torch.no_grad():
        trace, _ = model.observe(video, generator=seeded())
        frames = model.decode(trace.levels[0].output).clamp(0, 1)
    clip, step = everywhere(observed)
    states = observed.state.flatten(0, 1)[:, None]
    decoded = model.decode_states(observed.source, clip, step, states)
    torch.testing.assert_close(decoded[:, 0], frames.flatten(0, 1), atol=1e-12, rtol=0)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_another_state_of_any_level_reaches_the_frame(looked, level):
    model, _, observed = looked
    clip, step = torch.tensor([0, 1]), torch.tensor([5, 8])
    own = observed.state[clip, step][:, None]
    other = own.clone()
    other[:, :, level - 1] += 1.0
    frames, changed = (model.decode_states(observed.source, clip, step, s) for s in (own, other))
    assert float((frames - changed).abs().amax((1, 2, 3, 4)).min()) > 1e-6


def test_exchanged_states_are_decoded_as_the_model_ticks(looked):
    """A top state of another moment gives what one tick of each level below makes of it."""
    model, _, observed = looked
    held, clip, step = observed.source, torch.tensor([0]), torch.tensor([8])
    states = observed.state[clip, step]
    states[:, 2] = observed.state[1, 3, 2]
    context = torch.cat((states[:, 2], held.memory[clip, step][:, 2]), -1)
    with torch.no_grad():
        for index in (1, 0):
            cell = model.cells[index]
            before = int(step) - SMALL.intervals[index]  # every level ticks at frame 8
            inputs = torch.cat((held.state[clip, before][:, index], context), -1)
            weight = torch.cat((cell.input.of_first, cell.input.of_second), 1)
            hidden = torch.nn.functional.linear(inputs, weight, cell.input.bias).relu()
            memory = cell.recurrence.step(hidden, held.memory[clip, before][:, index])
            context = torch.cat((states[:, index], memory), -1)
        frame = model.decoder(context).clamp(0, 1)
    decoded = model.decode_states(held, clip, step, states[:, None])
    torch.testing.assert_close(decoded[:, 0], frame, atol=1e-12, rtol=0)


def test_a_rolled_level_without_others_is_the_models_own_rollout():
    """With one level there is nothing to hold fixed: rolling it on is prediction."""
    model, video = small_model(num_levels=1), small_video(steps=6)
    observed = model.observe_levels(video, generator=seeded())
    _, carried = model.observe(video, generator=seeded())
    draws, size = seeded(7), (2, SMALL.state_size)
    normal = [torch.empty(size, dtype=torch.float64).normal_(generator=draws) for _ in range(3)]
    rollout, _ = model.imagine(carried, 3, noise=Noise((torch.stack(normal, 1),)))
    place = (torch.tensor([0, 1]), torch.tensor([5, 5]))
    rolled = model.roll_level(observed.source, 1, *place, steps=3, generator=seeded(7))
    with torch.no_grad():
        frames = model.decode(rollout.levels[0].output).clamp(0, 1)
    torch.testing.assert_close(rolled[:, 1:], frames, atol=1e-12, rtol=0)


@pytest.mark.parametrize("level", [2, 3])
def test_a_rolled_upper_level_begins_at_the_inferred_frame_and_moves_it(looked, level):
    model, _, observed = looked
    clip, step = torch.tensor([0, 1]), torch.tensor([4, 6])
    own = model.decode_states(observed.source, clip, step, observed.state[clip, step][:, None])
    rolled = model.roll_level(observed.source, level, clip, step, steps=3, generator=seeded())
    torch.testing.assert_close(rolled[:, :1], own, atol=1e-12, rtol=0)
    assert float((rolled[:, 1:] - rolled[:, :-1]).abs().amax((2, 3, 4)).min()) > 1e-7
