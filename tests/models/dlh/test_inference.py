"""What must hold of observation, whatever the weights: decisions equal, values to 1e-9."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlh.distributions import Gaussian
from dlh.models.dlh import Carried, DLHConfig, DynamicLatentHierarchy, Trace
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
cases = pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES.keys())
deep_or_single = pytest.mark.parametrize(
    "num_levels, name", [(3, name) for name in SWITCHES] + [(1, "default"), (1, "vade")]
)

# Nested models only: what is said of unreachable levels is empty without nesting.
nested_models = st.builds(
    lambda num_levels, name, seed: (small_config(num_levels, **SWITCHES[name]), seed),
    num_levels=st.integers(1, 4),
    name=st.sampled_from([name for name in SWITCHES if "no nesting" not in name]),
    seed=st.integers(0, 10_000),
)


def observed(config: DLHConfig, seed: int = 2, steps: int = 8) -> Trace:
    model, video = lively_model(config, seed), lively_video(config, steps=steps, seed=seed)
    with torch.no_grad():
        return model.observe(video, noise=noise_for(config, video, seed))[0]


def assert_same(found, expected) -> None:
    """Two records hold the same: decisions to the bit, numbers to 1e-9."""
    for name, part in vars(expected).items():
        other = getattr(found, name)
        pairs = [(other, part)]
        if isinstance(part, Gaussian):
            pairs = [(other.mean, part.mean), (other.std, part.std)]
        for left, right in pairs:
            if right.dtype == torch.bool:
                assert torch.equal(left, right), name
            else:
                torch.testing.assert_close(left, right, msg=name, **CLOSE)


@settings(max_examples=12)
@given(nested_models)
def test_a_level_changes_only_where_the_one_below_does(case):
    trace = observed(*case)
    assert bool(trace.changed[..., 0].all())
    assert not bool((trace.changed[..., 1:] & ~trace.changed[..., :-1]).any())
    assert torch.equal(trace.reachable[..., 1:], trace.changed[..., :-1])
    assert bool(trace.reachable[..., 0].all())


@settings(max_examples=12)
@given(nested_models)
def test_an_unreachable_level_is_held_to_the_bit(case):
    config, _ = case
    trace = observed(*case)
    held = ~trace.reachable[:, 1:]
    for part in (trace.state, trace.posterior.mean, trace.posterior.std, trace.context):
        assert torch.equal(part[:, 1:][held], part[:, :-1][held])
    if config.memory == "held":
        # Memory is named by the step that reads it: d_{t+1} is what step t leaves.
        held = ~trace.changed[:, 1:-1]
        assert torch.equal(trace.memory[:, 2:][held], trace.memory[:, 1:-1][held])


@settings(max_examples=12)
@given(nested_models, st.permutations(range(3)))
def test_a_batch_in_another_order_gives_the_results_in_that_order(case, order):
    config, seed = case
    model, video = lively_model(config, seed), lively_video(config, steps=6, seed=seed)
    noise = noise_for(config, video, seed)
    with torch.no_grad():
        trace, carried = model.observe(video, noise=noise)
        permuted = model.observe(video[order], noise=sequences_of(noise, order))
    assert_same(permuted[0], sequences_of(trace, order))
    assert_same(permuted[1], sequences_of(carried, order))


@deep_or_single
def test_a_clip_alone_is_the_clip_in_a_batch(num_levels, name):
    config = small_config(num_levels, **SWITCHES[name])
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    with torch.no_grad():
        trace, carried = model.observe(video, noise=noise)
        alone = model.observe(video[1:2], noise=sequences_of(noise, slice(1, 2)))
    assert_same(alone[0], sequences_of(trace, slice(1, 2)))
    assert_same(alone[1], sequences_of(carried, slice(1, 2)))


@deep_or_single
def test_a_video_in_pieces_is_the_whole_video(num_levels, name):
    config, cuts = small_config(num_levels, **SWITCHES[name]), (1, 2, 9)
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    with torch.no_grad():
        trace, left = model.observe(video, noise=noise)
        carried = None
        for start, stop in zip((0, *cuts), (*cuts, None), strict=True):
            piece, carried = model.observe(
                video[:, start:stop], carried, noise=steps_of(noise, start, stop)
            )
            assert_same(piece, steps_of(trace, start, stop))
    assert_same(carried, left)


def test_gradients_pass_from_piece_to_piece():
    config = small_config(3)
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    _, carried = model.observe(video[:, :6], noise=steps_of(noise, 0, 6))
    trace, _ = model.observe(video[:, 6:], carried, noise=steps_of(noise, 6, None))
    whole, _ = model.observe(video, noise=noise)
    parameter = model.levels[0].transition.weight_hh_l0
    (found,) = torch.autograd.grad(trace.change_prior.mean.sum(), parameter)
    (expected,) = torch.autograd.grad(whole.change_prior.mean[:, 6:].sum(), parameter)
    torch.testing.assert_close(found, expected, **CLOSE)
    assert expected.norm() > 0


def test_sequences_that_began_and_sequences_that_begin_share_a_batch():
    config = small_config(3)
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    with torch.no_grad():
        _, carried = model.observe(video[:, :4], noise=steps_of(noise, 0, 4))
        fresh = Carried.start(config, 3, like=video)
        began = torch.tensor([True, False, True])

        def joined(parts) -> torch.Tensor:
            return torch.where(began.reshape(3, *[1] * (parts[0].ndim - 1)), *parts)

        rest, later = video[:, 4:], steps_of(noise, 4, None)
        mixed, _ = model.observe(rest, Carried.zip([carried, fresh], joined), noise=later)
        continued, _ = model.observe(rest, carried, noise=later)
        begun, _ = model.observe(rest, noise=later)
    for row, expected in enumerate((continued, begun, continued)):
        assert_same(sequences_of(mixed, [row]), sequences_of(expected, [row]))


@pytest.mark.parametrize("context", ["held", "full"])
@pytest.mark.parametrize("nesting", [True, False])
def test_the_chosen_component_never_costs_more_than_the_other(context, nesting):
    trace = observed(small_config(4, selection_context=context, nesting=nesting), steps=20)
    tested = trace.reachable[:, 1:, 1:]
    changed = trace.changed[:, 1:, 1:][tested]
    to_change = trace.change_divergence[:, 1:, 1:][tested]
    to_static = trace.static_divergence[:, 1:, 1:][tested]
    assert bool(changed.any()) and not bool(changed.all())
    assert bool((to_change[changed] <= to_static[changed]).all())
    assert bool((to_static[~changed] < to_change[~changed]).all())


@cases
def test_the_past_does_not_know_the_future(switches):
    """The prior of step t, its change probability too, is the same whatever frame t shows."""
    config = small_config(3, **switches)
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    other = video.clone()
    other[:, 7:] = 1 - other[:, 7:]
    with torch.no_grad():
        trace, _ = model.observe(video, noise=noise)
        altered, _ = model.observe(other, noise=noise)
    assert_same(steps_of(altered, 0, 7), steps_of(trace, 0, 7))
    torch.testing.assert_close(altered.memory[:, 7], trace.memory[:, 7], **CLOSE)
    torch.testing.assert_close(altered.change_logit[:, 7], trace.change_logit[:, 7], **CLOSE)
    assert not torch.allclose(altered.posterior.mean[:, 7], trace.posterior.mean[:, 7])


def test_no_gradient_flows_through_a_decision():
    config = small_config(3, decision="vade")
    model, video = lively_model(config), lively_video(config)
    trace, _ = model.observe(video, noise=noise_for(config, video))
    for part in (trace.change_divergence, trace.static_divergence, trace.change_estimate):
        assert not part.requires_grad
    assert trace.posterior.mean.requires_grad and trace.change_logit.requires_grad


def test_estimated_decisions_are_drawn_with_their_probability():
    """One clip 4,000 times over: level 2 changes at step 2 as often as q(e) says, on average."""
    config = small_config(2, decision="vade")
    model, video = lively_model(config, seed=2), lively_video(config, batch=1, steps=2)
    video = video.expand(4000, -1, -1, -1, -1)
    with torch.no_grad():
        trace, _ = model.observe(video, noise=noise_for(config, video))
    assert torch.all(trace.change_estimate[..., 0] == 1)  # level 1 changes at every step
    estimate, changed = trace.change_estimate[:, 1, 1], trace.changed[:, 1, 1].double()
    assert 0.01 < estimate.mean() < 0.99
    standard_error = (estimate * (1 - estimate)).mean().sqrt() / 4000**0.5
    assert abs((changed - estimate).mean()) < 4 * standard_error


def test_only_the_posteriors_of_the_upper_levels_are_inferred_in_the_loop():
    """Pass 1, pass 3 and pass 4 are one call each, whatever the number of frames."""
    config = small_config(3)
    model = lively_model(config)
    calls: dict[str, int] = {}

    def count(name: str):
        def hook(*_):
            calls[name] = calls.get(name, 0) + 1

        return hook

    parts = {"encoder": model.encoder, "decoder": model.decoder}
    parts["bottom up"] = model.levels[1].bottom_up
    for name, part in parts.items():
        part.register_forward_hook(count(name))
    for steps in (3, 9):
        calls.clear()
        video = lively_video(config, steps=steps)
        model.objective(video, noise=noise_for(config, video))
        assert calls == {"encoder": 1, "decoder": 1, "bottom up": 1}


def test_a_trained_model_type_is_kept():
    config = small_config(2)
    video = lively_video(config).float()
    trace, carried = DynamicLatentHierarchy(config).observe(video)
    assert trace.state.dtype == carried.memory.dtype == torch.float32
    assert trace.changed.dtype == carried.seen.dtype == torch.bool
