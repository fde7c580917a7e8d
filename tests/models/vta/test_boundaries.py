from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions.relaxed_categorical import ExpRelaxedCategorical

from dlh.models.vta.boundaries import (
    COPY,
    FORCED_LOGIT,
    READ,
    Boundary,
    Counters,
    RelaxedBoundary,
    gumbel,
    harden,
    temperature,
)
from refusals import refused


def relaxed(beta: float = 0.4, seed: int = 0, shape: tuple[int, ...] = (5, 7)) -> RelaxedBoundary:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(*shape, 2, generator=generator, dtype=torch.float64)
    return RelaxedBoundary(logits, beta)


def uniform(shape: tuple[int, ...] = (5, 7, 2), seed: int = 1) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_temperature_falls_from_1_to_a_tenth():
    assert temperature(1) == pytest.approx(0.9 * 0.999**0.01 + 0.1)
    assert temperature(100_000) == pytest.approx(0.9 * 0.999**1000 + 0.1)
    assert temperature(math.inf) == 0.1
    with refused(ValueError, 0):
        temperature(0)


@pytest.mark.parametrize("beta", [0.1, 0.4, 1.0])
def test_the_density_is_torch_s_but_for_a_constant(beta):
    one, other = relaxed(beta), relaxed(beta, seed=2)
    log_sample = one.log_sample(uniform())
    theirs = [
        ExpRelaxedCategorical(torch.tensor(beta).double(), logits=distribution.logits)
        for distribution in (one, other)
    ]
    difference = one.log_density(log_sample) - other.log_density(log_sample)
    expected = theirs[0].log_prob(log_sample) - theirs[1].log_prob(log_sample)
    torch.testing.assert_close(difference, expected)
    constant = theirs[0].log_prob(log_sample) - one.log_density(log_sample)
    torch.testing.assert_close(constant, torch.full_like(constant, constant[0, 0].item()))


def test_a_log_sample_is_of_numbers_that_sum_to_1_and_reads_as_often_as_the_logits_say():
    distribution = RelaxedBoundary(torch.tensor([0.7, -0.2]).double().expand(40_000, 2), 0.3)
    log_sample = distribution.log_sample(uniform((40_000, 2)))
    total = log_sample.exp().sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total))
    expected = distribution.logits[0].softmax(-1)[READ]
    found = harden(log_sample).read.mean()
    assert abs(found - expected) < 4 * (expected * (1 - expected) / 40_000) ** 0.5


def test_without_noise_the_likelier_one_is_taken():
    distribution = relaxed()
    boundary = harden(distribution.log_sample(None))
    assert torch.equal(boundary.read == 1, distribution.logits.argmax(-1) == READ)


def test_gumbel_noise_stays_finite_at_the_ends_of_the_uniform_numbers():
    assert gumbel(torch.tensor([0.0, 1.0])).isfinite().all()


def test_a_hard_boundary_has_the_gradient_of_the_relaxed_one():
    logits = relaxed().logits.requires_grad_()
    log_sample = RelaxedBoundary(logits, 0.4).log_sample(uniform())
    boundary = harden(log_sample)
    assert set(boundary.read.flatten().tolist()) == {0.0, 1.0}
    assert torch.equal(boundary.read + boundary.copy, torch.ones_like(boundary.read))
    weights = torch.arange(35).reshape(5, 7).double()
    (hard,) = torch.autograd.grad((weights * boundary.read).sum(), logits, retain_graph=True)
    (soft,) = torch.autograd.grad((weights * log_sample.exp()[..., READ]).sum(), logits)
    assert hard.abs().max() > 0
    torch.testing.assert_close(hard, soft)


def test_selecting_is_exact():
    read = torch.tensor([True, False])
    new, held = torch.rand(2, 3), torch.rand(2, 3)
    chosen = Boundary.where(read, like=new).select(new, held)
    assert torch.equal(chosen, torch.stack((new[0], held[1])))


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_counting_a_window_is_counting_step_by_step(reads):
    read = torch.tensor([reads])
    read[:, 0] = True  # a window begins with a segment
    counters, steps = Counters.start(1, like=read), []
    for begins in read.unbind(1):
        counters = counters.after(begins)
        steps.append(counters)
    whole = Counters.over(read)
    assert torch.equal(whole.length, torch.stack([c.length for c in steps], 1))
    assert torch.equal(whole.segments, torch.stack([c.segments for c in steps], 1))


def test_the_limits_force_a_boundary_and_the_one_of_length_wins():
    counters = Counters(torch.tensor([1, 8, 1, 8, 7]), torch.tensor([1, 1, 5, 5, 4]))
    logits = torch.tensor([0.3, -0.1]).expand(5, 2).clone().requires_grad_()
    limited = counters.limit(logits, max_length=8, max_segments=5)
    forced = torch.tensor([FORCED_LOGIT, -FORCED_LOGIT])
    assert pytest.approx(6.9068, abs=1e-4) == FORCED_LOGIT
    expected = torch.stack((logits[0], forced, -forced, forced, logits[4]))
    assert torch.equal(limited, expected)
    assert (limited[2].argmax(), limited[3].argmax()) == (COPY, READ)
    limited.sum().backward()
    assert logits.grad[:, 0].tolist() == [1, 0, 0, 0, 1]
