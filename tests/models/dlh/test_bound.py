from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dlh.interfaces import Update
from dlh.models.dlh.bound import Bound, bound, event_kl, state_kl
from small_models import SWITCHES, lively_model, lively_video, noise_for, small_config


def reached(num_levels: int, term: str, **switches) -> dict[str, torch.Tensor]:
    """The parameters that get a gradient from one term of the bound, and that gradient."""
    config = small_config(num_levels, **switches)
    model, video = lively_model(config, seed=2), lively_video(config)
    model.objective(video, noise=noise_for(config, video))[term].sum().backward()
    return {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and bool((parameter.grad != 0).any())
    }


def networks(parameters) -> set[str]:
    """encoder, decoder, levels.0.posterior, ...: the networks that parameters belong to."""
    return {
        ".".join(name.split(".")[: 3 if name.startswith("levels") else 1]) for name in parameters
    }


def of_levels(*factors: str, levels: range = range(3)) -> set[str]:
    """The named factors of three levels, those that exist."""
    absent = {"levels.0.change_factor", "levels.2.bottom_up"}
    return {f"levels.{n}.{factor}" for n in levels for factor in factors} - absent


@pytest.mark.parametrize("decision", ["threshold", "vade"])
def test_reconstruction_reaches_inference_and_decoding_alone(decision):
    expected = of_levels("posterior", "bottom_up", "to_context") | {"encoder", "decoder"}
    assert networks(reached(3, "reconstruction", decision=decision)) == expected


@pytest.mark.parametrize("decision", ["threshold", "vade"])
def test_state_divergence_reaches_all_but_decoding_and_the_change_factor(decision):
    expected = of_levels("posterior", "change_prior", "transition", "bottom_up") | {"encoder"}
    expected |= of_levels("to_context", levels=range(1, 3))  # c^0 is for the decoder alone
    assert networks(reached(3, "state_kl", decision=decision)) == expected


@pytest.mark.parametrize("decision", ["threshold", "vade"])
def test_event_divergence_reaches_the_change_factor_and_the_memories_it_reads(decision):
    expected = of_levels("change_factor", "transition", "posterior", "bottom_up") | {"encoder"}
    expected |= of_levels("to_context", levels=range(1, 3))
    assert networks(reached(3, "event_kl", decision=decision)) == expected


def test_a_factor_on_its_own_memory_does_not_reach_level_1():
    found = networks(reached(2, "event_kl", factor_input="own"))
    assert "levels.1.transition" in found and "levels.0.transition" not in found


def test_a_single_level_has_no_events():
    assert reached(1, "state_kl")
    config = small_config(1)
    model, video = lively_model(config), lively_video(config)
    assert not bool(model.objective(video)["event_kl"].any())


def test_a_detached_static_prior_alters_the_gradient_of_what_the_belief_is_made_from_alone():
    whole = reached(3, "state_kl", static_prior_gradient=True)
    detached = reached(3, "state_kl", static_prior_gradient=False)
    assert whole.keys() == detached.keys()
    differing = networks(
        name for name in whole if not torch.allclose(whole[name], detached[name], rtol=1e-9)
    )
    expected = of_levels("posterior", "bottom_up", levels=range(1, 3)) | {"encoder"}
    expected |= {"levels.0.bottom_up", "levels.2.to_context"}
    assert differing == expected


def test_a_static_prior_passes_gradients_unless_the_switch_detaches_it():
    config = small_config(3)
    model, video = lively_model(config, seed=2), lively_video(config)
    trace, _ = model.observe(video, noise=noise_for(config, video))
    for passes in (True, False):
        term = state_kl(trace, replace(config, static_prior_gradient=passes)).sum()
        mean = trace.static_prior.mean
        (gradient,) = torch.autograd.grad(term, mean, retain_graph=True, allow_unused=True)
        assert (gradient is not None and bool(gradient.any())) == passes


def test_the_term_is_the_same_whether_or_not_the_static_prior_is_detached():
    config = small_config(3)
    model, video = lively_model(config, seed=2), lively_video(config)
    trace, _ = model.observe(video, noise=noise_for(config, video))
    detached = replace(config, static_prior_gradient=False)
    assert torch.equal(state_kl(trace, config), state_kl(trace, detached))


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES.keys())
def test_what_is_unreachable_forced_or_first_is_free(switches):
    config = small_config(4, **switches)
    model, video = lively_model(config, seed=2), lively_video(config)
    with torch.no_grad():
        trace, _ = model.observe(video, noise=noise_for(config, video))
        states, events = state_kl(trace, config), event_kl(trace, config)
    assert not bool(states[~trace.reachable].any())
    assert not bool(events[~trace.reachable].any())
    assert not bool(events[:, 0].any()) and not bool(events[..., 0].any())
    assert bool((states[trace.reachable] > 0).all())
    paying = trace.reachable[:, 1:, 1:]
    assert bool((events[:, 1:, 1:][paying] > 0).all())
    assert bool(trace.reachable.all()) != config.nesting


def test_a_later_piece_of_a_video_pays_for_its_first_event():
    config = small_config(2)
    model, video = lively_model(config, seed=2), lively_video(config)
    with torch.no_grad():
        _, carried = model.observe(video[:, :3])
        trace, _ = model.observe(video[:, 3:], carried)
    assert bool((event_kl(trace, config)[:, 0, 1] > 0).all())


@pytest.mark.parametrize("nesting", [True, False])
def test_with_sure_decisions_eq_8_is_the_expansion_of_eq_9(nesting):
    """Eq. 9 weighed with the decisions is the divergence of Eq. 8b; so it is for the events."""
    threshold = small_config(3, nesting=nesting)
    vade = replace(threshold, decision="vade")
    model, video = lively_model(threshold, seed=2), lively_video(threshold)
    with torch.no_grad():
        trace, _ = model.observe(video, noise=noise_for(threshold, video))
    assert set(trace.change_estimate.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(state_kl(trace, vade), state_kl(trace, threshold))
    torch.testing.assert_close(event_kl(trace, vade), event_kl(trace, threshold))


def test_with_equal_prior_odds_the_estimate_of_eq_34_takes_the_decisions_of_eq_4():
    config = small_config(3, decision="vade")
    model, video = lively_model(config, seed=2), lively_video(config)
    for level in model.levels[1:]:
        torch.nn.init.zeros_(level.change_factor.logit.weight)
        torch.nn.init.zeros_(level.change_factor.logit.bias)
    with torch.no_grad():
        trace, _ = model.observe(video, noise=noise_for(config, video))
    later = (slice(None), slice(1, None), slice(1, None))
    likely = trace.change_estimate[later] >= 0.5
    assert torch.equal(likely, (trace.change_divergence <= trace.static_divergence)[later])
    assert bool(likely.any()) and not bool(likely.all())


def test_the_bound_is_made_of_these_terms():
    config = small_config(3)
    model, video = lively_model(config, seed=2), lively_video(config)
    noise = noise_for(config, video)
    objective = model.objective(video, noise=noise)
    trace, _ = model.observe(video, noise=noise)
    mean = model.decode(trace.frame_context)
    again = bound(trace, video, mean, config)
    assert torch.equal(objective["state_kl"], state_kl(trace, config))
    assert torch.equal(objective["event_kl"], event_kl(trace, config))
    assert torch.equal(again.reconstruction, objective["reconstruction"])
    assert torch.equal(objective.changed, trace.changed)
    assert objective["reconstruction"].shape == (3, 12)
    assert objective["state_kl"].shape == objective["event_kl"].shape == (3, 12, 3)
    assert torch.equal(objective.elbo, again.elbo)
    assert {term.unit for term in objective.terms.values()} == {"nats"}


def terms() -> Bound:
    """Two clips of three frames, two levels."""
    return Bound(
        reconstruction=torch.tensor([[-1.0, -2.0, -3.0], [-4.0, -5.0, -6.0]]),
        state_kl=torch.ones(2, 3, 2) * torch.tensor([1.0, 0.5]),
        event_kl=torch.ones(2, 3, 2) * torch.tensor([0.0, 0.25]),
        changed=torch.ones(2, 3, 2, dtype=torch.bool),
    )


def test_elbo_is_the_bound_itself_in_nats_per_clip():
    # 6 or 15 nats of frames, and 3 frames x (1 + .5 + .25) of divergence
    torch.testing.assert_close(terms().elbo, torch.tensor([-6 - 5.25, -15 - 5.25]))


def test_loss_is_minus_the_bound_per_frame_and_clip():
    torch.testing.assert_close(terms().objective().loss, -terms().elbo.mean() / 3)


@pytest.mark.parametrize("beta, expected", [(0.0, 3.5), (0.5, 3.5 + 0.875), (1.0, 3.5 + 1.75)])
def test_beta_weighs_the_divergences_only(beta, expected):
    objective = terms().objective(Update(number=7, beta=beta))
    torch.testing.assert_close(objective.loss, torch.tensor(expected))
    torch.testing.assert_close(objective.elbo, terms().elbo)
    assert objective.schedule == {"beta": beta}
