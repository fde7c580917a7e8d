from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, kl_divergence

from dlh.distributions import (
    bernoulli_kl,
    bernoulli_surprisal,
    change_posterior,
    choose,
    mixture_kl,
    nest,
    reach,
)

decisions = st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=8).map(
    torch.tensor
)
# In thousandths: two divergences that differ do so by more than a sigmoid can round away.
nats = st.lists(st.integers(0, 10**8), min_size=6, max_size=6).map(
    lambda values: torch.tensor(values, dtype=torch.float64) / 1000
)
logits = torch.tensor([-15.0, -3.0, 0.0, 0.7, 15.0], dtype=torch.float64)


@given(to_change=nats, to_static=nats)
def test_the_cheaper_component_is_chosen_and_a_tie_changes(to_change, to_static):
    chosen = choose(to_change, to_static)
    assert chosen.tolist() == [
        change <= static for change, static in zip(to_change, to_static, strict=True)
    ]
    assert bool(choose(to_change, to_change).all())


@given(to_change=nats, to_static=nats)
def test_with_equal_prior_odds_the_rule_is_the_arg_max_of_the_exact_posterior(to_change, to_static):
    estimate = change_posterior(to_change, to_static, torch.zeros_like(to_change))
    assert torch.equal(choose(to_change, to_static), estimate >= 0.5)


def test_exact_posterior_is_bayes_rule():
    """q(e) is proportional to p(e) exp(-KL[q || p(s|e)]) (Eq. 34)."""
    to_change, to_static = torch.tensor([2.0, 0.1, 5.0]), torch.tensor([1.0, 3.0, 5.0])
    prior = torch.tensor([0.3, 0.5, 0.9])
    change, static = prior * torch.exp(-to_change), (1 - prior) * torch.exp(-to_static)
    estimate = change_posterior(to_change, to_static, torch.logit(prior))
    torch.testing.assert_close(estimate, change / (change + static))


@given(decisions)
def test_nested_decisions_are_a_prefix_of_passed_tests(tests):
    changed = nest(tests)
    for row, test in zip(changed.tolist(), tests.tolist(), strict=True):
        depth = sum(row)
        assert row == [True] * depth + [False] * (len(row) - depth)
        assert all(test[1:depth])
        assert depth == len(row) or not test[depth]


@given(decisions)
def test_without_nesting_every_test_counts_and_every_level_is_reachable(tests):
    changed = nest(tests, nesting=False)
    assert torch.equal(changed[..., 1:], tests[..., 1:])
    assert bool(changed[..., 0].all())
    assert bool(reach(changed, nesting=False).all())


@given(decisions)
def test_a_level_is_reachable_where_the_one_below_changes(tests):
    changed = nest(tests)
    reachable = reach(changed)
    assert bool(reachable[..., 0].all())
    assert torch.equal(reachable[..., 1:], changed[..., :-1])
    assert not bool((changed & ~reachable).any())


def test_decisions_given_are_left_as_they_are():
    tests = torch.tensor([[False, True, True]])
    nest(tests)
    assert tests.tolist() == [[False, True, True]]


@given(to_change=nats, to_static=nats, chosen=st.lists(st.booleans(), min_size=6, max_size=6))
def test_a_sure_mixture_is_the_chosen_component(to_change, to_static, chosen):
    """With one-hot q(e), Eq. 8b is the expansion of Eq. 9."""
    chosen = torch.tensor(chosen)
    expected = torch.where(chosen, to_change, to_static)
    assert torch.equal(mixture_kl(chosen.double(), to_change, to_static), expected)


def test_mixture_weighs_both_components():
    mixed = mixture_kl(torch.tensor(0.25), torch.tensor(8.0), torch.tensor(4.0))
    torch.testing.assert_close(mixed, torch.tensor(5.0))


@pytest.mark.parametrize("event", [True, False])
def test_surprisal_is_minus_the_log_probability(event):
    events = torch.full(logits.shape, event)
    expected = -Bernoulli(logits=logits).log_prob(events.double())
    torch.testing.assert_close(
        bernoulli_surprisal(events, logits), expected, rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("probability", [0.0, 1e-12, 0.2, 0.5, 1.0])
def test_divergence_of_events_is_that_of_torch(probability):
    probabilities = torch.full(logits.shape, probability, dtype=torch.float64)
    expected = kl_divergence(Bernoulli(probs=probabilities), Bernoulli(logits=logits))
    torch.testing.assert_close(bernoulli_kl(probabilities, logits), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("event", [True, False])
def test_divergence_of_a_sure_event_is_its_surprisal(event):
    events = torch.full(logits.shape, event)
    torch.testing.assert_close(
        bernoulli_kl(events.double(), logits), bernoulli_surprisal(events, logits)
    )


def test_an_event_that_was_thought_impossible_costs_its_logit():
    """Torch's own divergence rounds the probability to 0 first and is infinite here."""
    logit = torch.tensor([-500.0, 500.0])
    event = torch.tensor([True, False])
    assert bernoulli_surprisal(event, logit).tolist() == [500.0, 500.0]
    assert bernoulli_kl(event.float(), logit).tolist() == [500.0, 500.0]


def test_a_sure_event_passes_a_finite_gradient_to_the_prior():
    logit = logits.clone().requires_grad_()
    bernoulli_kl(torch.ones_like(logits), logit).sum().backward()
    torch.testing.assert_close(logit.grad, logits.sigmoid() - 1)
