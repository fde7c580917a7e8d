"""The model against a plain transcription of the equations: passes 1 to 4, and prediction."""

from __future__ import annotations

import pytest
import torch

import slow_reference
from dlh.models.dlh import Carried
from small_models import SWITCHES, lively_model, lively_video, noise_for, small_config

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
cases = pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES.keys())
# Every switch with three levels, every depth with the default; the rest of the grid is slow.
FIRST = [(3, name) for name in SWITCHES] + [(levels, "default") for levels in (1, 2, 5)]
REST = [(levels, name) for levels in (1, 2, 5) for name in SWITCHES if name != "default"]


def gradients(model, loss) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    loss.backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(
    "num_levels, name",
    [*FIRST, *(pytest.param(*case, marks=pytest.mark.slow) for case in REST)],
)
def test_terms_and_gradients_are_those_of_the_equations(num_levels, name):
    config = small_config(num_levels, **SWITCHES[name])
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    found = model.objective(video, noise=noise)
    expected = slow_reference.objective(model, video, noise)

    assert torch.equal(found.changed, expected.changed)
    torch.testing.assert_close(found["reconstruction"], expected.reconstruction, **CLOSE)
    torch.testing.assert_close(found["state_kl"], expected.state_kl, **CLOSE)
    torch.testing.assert_close(found["event_kl"], expected.event_kl, **CLOSE)

    found_gradients = gradients(model, found.loss)
    expected_gradients = gradients(model, expected.loss)
    assert found_gradients.keys() == expected_gradients.keys()
    for name, gradient in expected_gradients.items():
        torch.testing.assert_close(found_gradients[name], gradient, msg=name, **CLOSE)

    # Otherwise the above would say little: every level above the first both changes and stays.
    later = found.changed[:, 1:, 1:]
    assert bool(later.any((0, 1)).all()) and not bool(later.all(1).all(0).any())


@cases
def test_trace_holds_what_the_equations_name(switches):
    config = small_config(3, **switches)
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    with torch.no_grad():
        trace, carried = model.observe(video, noise=noise)
        frames = model.decode(trace.frame_context)
        steps, past = slow_reference.observe(model, video, noise)

    def over_time(name: str, attribute: str | None = None, first: int = 0) -> torch.Tensor:
        """(batch, time, levels, ...); a level that has no value is left out."""
        parts = [getattr(step, name) for step in steps[first:]]
        if attribute:
            parts = [[getattr(part, attribute) for part in levels] for levels in parts]
        return torch.stack(
            [torch.stack([p for p in levels if p is not None], 1) for levels in parts], 1
        )

    for found, expected in (
        (trace.state, over_time("s")),
        (trace.posterior.mean, over_time("q", "mean")),
        (trace.posterior.std, over_time("q", "stddev")),
        (trace.change_prior.mean, over_time("p", "mean")),
        (trace.change_prior.std, over_time("p", "stddev")),
        (trace.static_prior.mean[:, 1:], over_time("b_before", "mean", first=1)),
        (trace.static_prior.std[:, 1:], over_time("b_before", "stddev", first=1)),
        (trace.memory, over_time("d")),
        (trace.context, over_time("c")),
        (trace.change_logit[..., 1:], over_time("logit")),
        (trace.change_estimate[..., 1:], over_time("q_of_change")),
        (trace.change_divergence[:, 1:, 1:], over_time("kl_to_change", first=1)),
        (trace.static_divergence[:, 1:, 1:], over_time("kl_to_static", first=1)),
        (frames, torch.stack([step.frame_mean for step in steps], 1)),
    ):
        torch.testing.assert_close(found, expected, **CLOSE)
    assert torch.equal(trace.changed, over_time("e"))
    assert torch.equal(trace.reachable, over_time("reachable"))
    assert trace.first.tolist() == [[True] + [False] * 11] * 3
    assert bool(carried.seen.all())
    assert_left_behind(carried, past)


def assert_left_behind(carried: Carried, past: slow_reference.Past) -> None:
    """What two code paths carry to the next step is the same."""
    assert torch.equal(carried.changed, torch.stack(past.e, 1))
    for found, expected in (
        (carried.state, past.s),
        (carried.belief.mean, [belief.mean for belief in past.b]),
        (carried.belief.std, [belief.stddev for belief in past.b]),
        (carried.memory, past.d),
        (carried.context, past.c),
        (carried.factor, past.factor),
    ):
        torch.testing.assert_close(found, torch.stack(expected, 1), **CLOSE)


@pytest.mark.parametrize("observed", [True, False], ids=["after a video", "from nothing"])
@pytest.mark.parametrize("num_levels, name", FIRST)
def test_prediction_is_that_of_the_equations(num_levels, name, observed):
    config = small_config(num_levels, **SWITCHES[name])
    model, video = lively_model(config, seed=2), lively_video(config)
    past, carried = None, Carried.start(config, len(video), like=video)
    noise = noise_for(config, video, seed=1, steps=15)
    with torch.no_grad():
        if observed:
            before = noise_for(config, video)
            _, carried = model.observe(video, noise=before)
            _, past = slow_reference.observe(model, video, before)
        rollout, left = model.imagine(carried, 15, noise=noise)
        frames = model.decode(rollout.frame_context)
        expected_frames, changed, state, left_past = slow_reference.imagine(model, past, noise)
    assert torch.equal(rollout.changed, changed)
    torch.testing.assert_close(rollout.state, state, **CLOSE)
    torch.testing.assert_close(frames, expected_frames, **CLOSE)
    assert_left_behind(left, left_past)
    later = rollout.changed[:, 1:, 1:]
    assert bool(later.any((0, 1)).all()) and not bool(later.all(1).all(0).any())


def test_the_switches_are_no_two_names_of_one_model():
    """At three levels every choice of switches gives another loss or another gradient."""
    seen = {}
    for name, switches in SWITCHES.items():
        config = small_config(3, **switches)
        model, video = lively_model(config, seed=2), lively_video(config)
        loss = model.objective(video, noise=noise_for(config, video)).loss
        posterior = gradients(model, loss)["levels.1.posterior.head.weight"]
        seen[name] = (round(loss.item(), 9), round(posterior.norm().item(), 9))
    assert len(set(seen.values())) == len(SWITCHES), seen
