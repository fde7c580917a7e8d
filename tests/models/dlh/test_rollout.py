from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlh.interfaces import Temperature
from dlh.models.dlh import Carried, Rollout
from refusals import refused
from small_models import (
    SWITCHES,
    lively_model,
    lively_video,
    noise_for,
    sequences_of,
    small_config,
    steps_of,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
models = st.builds(
    lambda num_levels, name, seed: (small_config(num_levels, **SWITCHES[name]), seed),
    num_levels=st.integers(1, 4),
    name=st.sampled_from(["default", "the paper's letter", "vade"]),
    seed=st.integers(0, 10_000),
)


def after_a_video(config, seed: int = 2):
    """A model, and what it carries after a video of three clips."""
    model, video = lively_model(config, seed), lively_video(config, steps=4, seed=seed)
    with torch.no_grad():
        _, carried = model.observe(video, noise=noise_for(config, video, seed))
    return model, video, carried


def assert_same(found: Rollout, expected: Rollout) -> None:
    assert torch.equal(found.changed, expected.changed)
    torch.testing.assert_close(found.state, expected.state, **CLOSE)
    torch.testing.assert_close(found.frame_context, expected.frame_context, **CLOSE)


@pytest.mark.parametrize("name", ["default", "the paper's letter", "no nesting"])
@pytest.mark.parametrize("num_levels", [1, 3])
def test_many_predicted_steps_are_one_step_many_times(num_levels, name):
    config = small_config(num_levels, **SWITCHES[name])
    model, video, carried = after_a_video(config)
    noise = noise_for(config, video, steps=9)
    rollout, left = model.imagine(carried, 9, noise=noise)
    for step in range(9):
        once, carried = model.imagine(carried, 1, noise=steps_of(noise, step, step + 1))
        assert_same(once, steps_of(rollout, step, step + 1))
    for name in ("state", "memory", "context", "factor", "changed"):
        torch.testing.assert_close(getattr(carried, name), getattr(left, name), **CLOSE)


@settings(max_examples=12)
@given(models)
def test_levels_that_do_not_change_are_held_to_the_bit(case):
    config, seed = case
    model, video, before = after_a_video(config, seed)
    noise = noise_for(config, video, seed, steps=6)
    for step in range(6):
        rollout, after = model.imagine(before, 1, noise=steps_of(noise, step, step + 1))
        changed = rollout.changed[:, 0]
        assert bool(changed[:, 0].all())
        assert not bool((changed[:, 1:] & ~changed[:, :-1]).any())
        for part in ("state", "context") + (("memory",) if config.memory == "held" else ()):
            held = getattr(before, part)[~changed]
            assert torch.equal(getattr(after, part)[~changed], held)
        assert torch.equal(after.belief.mean[~changed], before.belief.mean[~changed])
        assert torch.equal(after.belief.std[~changed], before.belief.std[~changed])
        before = after


@settings(max_examples=12)
@given(models, st.permutations(range(3)))
def test_a_batch_in_another_order_gives_the_futures_in_that_order(case, order):
    config, seed = case
    model, video, carried = after_a_video(config, seed)
    noise = noise_for(config, video, seed, steps=5)
    rollout, _ = model.imagine(carried, 5, noise=noise)
    permuted, _ = model.imagine(sequences_of(carried, order), 5, noise=sequences_of(noise, order))
    assert_same(permuted, sequences_of(rollout, order))


def test_changes_are_drawn_with_their_probability():
    config = small_config(2)
    model, _, carried = after_a_video(config)
    one = sequences_of(carried, slice(0, 1))
    read = model.levels[1].change_factor.evidence(
        one.memory[:, 1], one.memory[:, 0], one.changed[:, 1]
    )
    with torch.no_grad():
        logit, _ = model.levels[1].change_factor.step(read, one.factor[:, 1])
    probability = float(logit.sigmoid())
    generator = torch.Generator().manual_seed(0)
    rollout, _ = model.imagine(one.repeat(4000), 1, generator=generator)
    rate = float(rollout.changed[:, 0, 1].double().mean())
    assert abs(rate - probability) < 4 * (probability * (1 - probability) / 4000) ** 0.5
    assert 0.05 < probability < 0.95


def test_without_a_past_every_level_changes_first():
    config = small_config(4)
    model = lively_model(config)
    carried = Carried.start(config, 5, like=torch.zeros(1, dtype=torch.float64))
    rollout, after = model.imagine(carried, 8, generator=torch.Generator().manual_seed(0))
    assert bool(rollout.changed[:, 0].all())
    assert not bool(rollout.changed[:, 1:].all())
    assert bool(after.seen.all())


def test_futures_of_one_context_are_neighbours_in_one_batch():
    config = small_config(2)
    model, video, carried = after_a_video(config)
    many = carried.repeat(4)
    assert many.state.shape == (12, 2, 3) and many.belief.std.shape == (12, 2, 3)
    for clip in range(3):
        for future in range(4):
            assert torch.equal(many.memory[4 * clip + future], carried.memory[clip])
    noise = noise_for(config, video.repeat_interleave(4, 0), steps=5)
    together, _ = model.imagine(many, 5, noise=noise)
    for future in range(4):
        alone, _ = model.imagine(carried, 5, noise=sequences_of(noise, slice(future, None, 4)))
        assert_same(alone, sequences_of(together, slice(future, None, 4)))


def test_what_is_carried_is_not_altered_by_a_rollout():
    config = small_config(3)
    model, _, carried = after_a_video(config)
    before = carried.map(torch.clone)
    model.imagine(carried, 5)
    for name in ("state", "memory", "context", "changed", "factor", "seen"):
        assert torch.equal(getattr(carried, name), getattr(before, name))
    assert torch.equal(carried.belief.mean, before.belief.mean)


def test_the_states_temperature_is_a_factor_on_their_noise():
    config = small_config(2)
    model, video, carried = after_a_video(config)
    noise = noise_for(config, video, steps=9)
    cooler, _ = model.imagine(carried, 9, noise=noise, temperature=Temperature(states=0.3))
    smaller = replace(noise, normal=0.3 * noise.normal)
    expected, _ = model.imagine(carried, 9, noise=smaller)
    assert_same(cooler, expected)


def test_the_decisions_temperature_divides_their_logits():
    logit = torch.tensor([-2.0, -0.5, 0.0, 3.0], dtype=torch.float64)
    for temperature in (0.25, 1.0, 4.0):
        found = Temperature(decisions=temperature).probability(logit)
        torch.testing.assert_close(found, (logit / temperature).sigmoid())
    assert torch.equal(Temperature().probability(logit), logit.sigmoid())
    assert Temperature(decisions=0.0).probability(logit).tolist() == [0, 0, 0, 1]


def test_cold_decisions_are_the_most_likely_whatever_is_drawn():
    config = small_config(2)
    model, video, carried = after_a_video(config)
    one, other = (noise_for(config, video, seed=seed, steps=12) for seed in (3, 4))
    other = replace(other, normal=one.normal)
    cold = Temperature(decisions=0.0)
    found, again = (model.imagine(carried, 12, noise=n, temperature=cold)[0] for n in (one, other))
    assert torch.equal(found.changed, again.changed)
    free, also_free = (model.imagine(carried, 12, noise=n)[0] for n in (one, other))
    assert not torch.equal(free.changed, also_free.changed)


@pytest.mark.parametrize("value", [-0.1, float("inf"), float("nan")])
def test_an_invalid_temperature_is_refused(value):
    with refused(ValueError, "states", value):
        Temperature(states=value)
    with refused(ValueError, "decisions", value):
        Temperature(decisions=value)
