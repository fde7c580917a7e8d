"""Late memories, explored changes, the annealed likelihood: what they do, and that off is off."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from dlh.distributions import frame_log_prob
from dlh.interfaces import TRAINED, Execution, Update
from dlh.models.dlh.config import EmergenceConfig
from dlh.models.dlh.emergence import (
    Guidance,
    Rest,
    Rested,
    explores,
    likelihood_std,
    next_log_std,
)
from small_models import SWITCHES, lively_model, lively_video, noise_for, small_config


def test_the_std_holds_falls_geometrically_and_ends_as_the_models():
    config = EmergenceConfig(initial_likelihood_std=1.0, anneal_from=200, anneal_until=400)
    found = [likelihood_std(step, 0.25, config) for step in (0, 200, 300, 350, 400, 10_000)]
    assert found == pytest.approx([1, 1, 0.5, 0.25 * 2**0.5, 0.25, 0.25])


def test_a_std_that_ends_at_once_jumps():
    config = EmergenceConfig(initial_likelihood_std=1.0, anneal_from=3, anneal_until=3)
    assert [likelihood_std(step, 0.5, config) for step in (2, 3)] == [1.0, 0.5]


def test_without_annealing_the_std_is_the_models():
    assert likelihood_std(0, 0.3, EmergenceConfig()) == 0.3


def test_the_initial_std_follows_what_the_states_cost():
    config = EmergenceConfig(
        initial_likelihood_std=1.0, initial_nats=20.0, anneal_from=200, anneal_until=400
    )
    for within in (10.1, 20.0, 39.9):
        assert next_log_std(150, 0.3, within, config) == 0.3
    assert next_log_std(150, 0.3, 41.0, config) == pytest.approx(0.32)
    for little in (9.9, 0.0):
        assert next_log_std(150, 0.3, little, config) == pytest.approx(0.28)
    for outside in (99, 201):
        assert next_log_std(outside, 0.3, 1.0, config) == 0.3
    longer = replace(config, anneal_from=1_000, anneal_until=2_000)
    assert next_log_std(499, 0.3, 41.0, longer) == 0.3  # its divergences weigh little until then
    assert next_log_std(500, 0.3, 41.0, longer) == pytest.approx(0.32)


def test_a_training_moves_the_initial_std_and_anneals_from_where_it_is():
    emergence = EmergenceConfig(
        initial_likelihood_std=2.0, initial_nats=1e-3, anneal_from=110, anneal_until=130
    )
    config = small_config(2, likelihood_std=0.5, emergence=emergence)
    model, video = lively_model(config, seed=2), lively_video(config)
    noise, carried = noise_for(config, video), {}
    stds = {}
    for number in (0, *range(99, 131)):
        found = model.objective(video, noise=noise, update=Update(number=number, carried=carried))
        carried = {**carried, **found.carried}
        stds[number] = found.schedule.get("likelihood_std", 0.5)
    assert stds[0] == stds[99] == pytest.approx(2.0)
    assert stds[100] == pytest.approx(2.0 * math.exp(0.02))  # far too much is paid
    assert stds[110] == pytest.approx(2.0 * math.exp(0.22))
    assert stds[120] == pytest.approx((stds[110] * 0.5) ** 0.5)
    assert stds[130] == 0.5 and not found.carried


def test_the_bound_is_scored_at_the_std_of_the_update():
    emergence = EmergenceConfig(initial_likelihood_std=0.25, anneal_from=3, anneal_until=9)
    config = small_config(2, likelihood_std=0.5, emergence=emergence)
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    trace, _ = model.observe(video, noise=noise)
    mean = model.decode(trace.frame_context)
    for update, std in ((Update(number=3), 0.25), (Update(number=9), 0.5), (TRAINED, 0.5)):
        found = model.objective(video, noise=noise, update=update)
        expected = frame_log_prob(video, mean, std)
        torch.testing.assert_close(found["reconstruction"], expected)
        assert found.schedule.get("likelihood_std", 0.5) == std


def test_memories_are_read_from_the_update_that_is_named():
    emergence = EmergenceConfig(memory_from=5)
    model = lively_model(small_config(3, emergence=emergence), seed=2)
    without = lively_model(small_config(3, memory="none"), seed=2)
    video = lively_video(model.config)
    noise = noise_for(model.config, video)
    for update, expected in ((4, without), (5, model), (math.inf, model)):
        found = model.objective(video, noise=noise, update=Update(number=update))
        other = expected.objective(video, noise=noise)
        for term in ("reconstruction", "state_kl", "event_kl"):
            assert torch.equal(found[term], other[term])
        assert torch.equal(found.changed, other.changed)
        model.zero_grad()
        found.loss.backward()
        gradient = model.levels[0].transition.weight_hh_l0.grad
        assert (gradient is None) == (update == 4)


def test_before_that_every_so_many_th_update_reads_them():
    model = lively_model(small_config(3), seed=2)
    video = lively_video(model.config)
    noise = noise_for(model.config, video)

    def paid(update, emergence):
        model.config = replace(model.config, emergence=emergence)
        return model.objective(video, noise=noise, update=Update(number=update))["state_kl"]

    always, never = EmergenceConfig(), EmergenceConfig(memory_from=7)
    assert not torch.equal(paid(1, always), paid(1, never))
    every_third = EmergenceConfig(memory_from=7, memory_every=3)
    for update in range(9):
        expected = always if update in (0, 3, 6, 7, 8) else never
        assert torch.equal(paid(update, every_third), paid(update, expected))


def test_a_model_without_memory_predicts_from_the_context_alone():
    config = small_config(2, memory="none")
    model, video = lively_model(config, seed=2), lively_video(config)
    trace, carried = model.observe(video, noise=noise_for(config, video))
    assert not trace.memory.any() and not carried.memory.any()
    prior = model.levels[0].change_prior(
        torch.zeros_like(trace.memory[:, :, 0]), trace.context[:, :, 0]
    )
    torch.testing.assert_close(trace.change_prior.mean[:, :, 0], prior.mean)


def with_limits(model, video, noise, limits):
    """The bound of a video under limits of the static divergences, or without any."""
    guidance = Guidance(config=model.config, limits=limits)
    return model._terms(False, guidance, video, *model._checked(video, None, noise, None))[0]


@pytest.mark.parametrize("name", SWITCHES)
def test_limits_that_nothing_reaches_change_nothing(name):
    config = small_config(3, **SWITCHES[name])
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    without = with_limits(model, video, noise, None)
    infinite = with_limits(model, video, noise, torch.full((3,), math.inf).double())
    for term in ("reconstruction", "state_kl", "event_kl", "changed"):
        assert torch.equal(getattr(without, term), getattr(infinite, term))


def test_a_training_explores_with_what_the_update_before_left():
    emergence = EmergenceConfig(exploration=0.5, exploration_decay=0.9, exploration_until=20)
    config = small_config(3, emergence=emergence)
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    plain = model.objective(video, noise=noise)
    first = model.objective(video, noise=noise, update=Update(number=0))
    assert torch.equal(first.changed, plain.changed) and not plain.carried
    rest = Rest(nats=first.carried["rest.nats"], share=first.carried["rest.share"])
    limits = rest.limits(0.5, like=video)
    second = model.objective(video, noise=noise, update=Update(number=1, carried=first.carried))
    expected = with_limits(model, video, noise, limits)
    assert torch.equal(second.changed, expected.changed)
    assert not torch.equal(second.changed, plain.changed)
    over = model.objective(video, noise=noise, update=Update(number=20, carried=second.carried))
    assert torch.equal(over.changed, plain.changed) and not over.carried


@pytest.mark.parametrize("recompute", ["never", "always"])
def test_what_an_update_leaves_is_that_of_its_trace(recompute):
    config = small_config(3, emergence=EmergenceConfig(exploration=5.0, exploration_decay=0.25))
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    trace, _ = model.observe(video, noise=noise)
    rested = Rested.of(trace)
    assert bool(rested.rested.any()) and not rested.static_divergence.requires_grad
    expected = Rest.start(3, like=video).after(rested, decay=0.25)
    way = Execution(recompute=recompute)
    found = model.objective(video, noise=noise, update=Update(number=0), execution=way).carried
    torch.testing.assert_close(found["rest.nats"], expected.nats)
    torch.testing.assert_close(found["rest.share"], expected.share)


@pytest.mark.parametrize("name", ["default", "vade", "no nesting", "full selection context"])
def test_a_level_changes_where_its_static_divergence_is_above_its_limit(name):
    config = small_config(3, **SWITCHES[name])
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    before, _ = model.observe(video, noise=noise)
    calm = before.static_divergence[..., 2][before.reachable[..., 2] & ~before.changed[..., 2]]
    limits = torch.tensor([math.inf, math.inf, float(calm.median())]).double()
    after, _ = model._infer(
        config, model.encode(video), *model._checked(video, None, noise, None), limits=limits
    )
    above = after.static_divergence[..., 2] > limits[2]
    assert bool(after.changed[..., 2][above & after.reachable[..., 2]].all())
    explored = (
        above
        & after.reachable[..., 2]
        & (after.change_divergence[..., 2] > after.static_divergence[..., 2])
    )
    assert bool(explored.any())
    if config.nesting:
        assert bool((after.changed[..., 1] | ~after.changed[..., 2]).all())
    below = ~above & after.reachable[..., 2] & ~after.first
    if config.decision == "threshold":
        chosen = after.change_divergence <= after.static_divergence
        assert torch.equal(after.changed[..., 2][below], chosen[..., 2][below])


def test_exploration_is_off_unless_asked_for_and_ends():
    assert not explores(0, EmergenceConfig())
    assert not explores(math.inf, EmergenceConfig(exploration=5.0))
    assert explores(10**6, EmergenceConfig(exploration=5.0))
    ending = EmergenceConfig(exploration=5.0, exploration_until=10)
    assert explores(9, ending) and not explores(10, ending)


NATS = torch.tensor([[[0.0, 2.0, 7.0], [0.0, 4.0, 7.0], [0.0, 100.0, 7.0]]])
RESTED = torch.tensor([[[False, True, False], [False, True, False], [False, False, False]]])


def test_the_limit_is_a_multiple_of_the_mean_cost_of_rest():
    like = torch.zeros(1, dtype=torch.float64)
    rest = Rest.start(3, like=like)
    assert rest.limits(5.0, like=like).tolist() == [math.inf] * 3
    rest = rest.after(Rested(static_divergence=NATS, rested=RESTED), decay=0.9)
    assert rest.limits(5.0, like=like).tolist() == pytest.approx([math.inf, 15.0, math.inf])
    later = RESTED | torch.tensor([False, False, True])
    rest = rest.after(Rested(static_divergence=NATS + 1, rested=later), decay=0.9)
    # Two steps of level 2 at 2 and 4 nats, weighed .9, and two at 3 and 5; level 3 rested later.
    expected = [math.inf, 5 * (0.9 * 6 + 8) / (0.9 * 2 + 2), 40.0]
    assert rest.limits(5.0, like=like).tolist() == pytest.approx(expected)
    assert rest.limits(5.0, like=like).dtype == torch.float64


def test_the_mean_over_shares_is_that_of_the_batch():
    like = torch.zeros(1, dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    first, second = (
        Rested(
            static_divergence=torch.rand(4, 5, 3, generator=generator),
            rested=torch.rand(4, 5, 3, generator=generator) < 0.4,
        )
        for _ in range(2)
    )
    before = Rest.start(3, like=like).after(first, decay=0.5)
    whole = before.after(second, decay=0.5)
    halves = [second.map(lambda part, i=i: part[i : i + 2]) for i in (0, 2)]
    shares = [before.after(half, decay=0.5) for half in halves]
    mean = Rest.zip(shares, lambda parts: torch.stack(list(parts)).mean(0))
    torch.testing.assert_close(mean.limits(5.0, like=like), whole.limits(5.0, like=like))
