from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from dlh.distributions import Gaussian, frame_log_prob
from refusals import refused


def gaussian(*shape: int, seed: int) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(*shape, generator=generator, dtype=torch.float64)
    std = torch.rand(*shape, generator=generator, dtype=torch.float64) * 2 + 0.05
    return Gaussian(mean, std)


def as_torch(distribution: Gaussian) -> Independent:
    return Independent(Normal(distribution.mean, distribution.std), 1)


def test_closed_form_divergence_is_that_of_torch():
    q, p = gaussian(4, 3, 5, seed=0), gaussian(4, 3, 5, seed=1)
    torch.testing.assert_close(
        q.kl(p), kl_divergence(as_torch(q), as_torch(p)), rtol=1e-12, atol=1e-12
    )
    assert q.kl(p).shape == (4, 3)


def test_closed_form_divergence_is_the_mean_log_ratio_of_samples():
    q, p = gaussian(1, 4, seed=2), gaussian(1, 4, seed=3)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(200_000, 4, generator=generator, dtype=torch.float64)
    samples = q.sample(noise)
    log_ratio = q.log_prob(samples) - p.log_prob(samples)
    standard_error = log_ratio.std() / len(log_ratio) ** 0.5
    assert abs(log_ratio.mean() - q.kl(p)) < 4 * standard_error
    assert standard_error < 0.02 * q.kl(p)  # else the line above says nothing


def test_divergence_from_itself_is_nothing_and_from_another_is_positive():
    q, p = gaussian(50, 3, seed=4), gaussian(50, 3, seed=5)
    torch.testing.assert_close(q.kl(q), torch.zeros(50, dtype=torch.float64), rtol=0, atol=1e-14)
    assert bool((q.kl(p) > 0).all())


def test_log_density_is_that_of_torch():
    q = gaussian(6, 4, seed=6)
    value = torch.linspace(-3, 3, 24, dtype=torch.float64).reshape(6, 4)
    torch.testing.assert_close(q.log_prob(value), as_torch(q).log_prob(value))


def test_sample_moves_with_mean_and_std():
    q = gaussian(3, 2, seed=7)
    mean, std = q.mean.clone().requires_grad_(), q.std.clone().requires_grad_()
    noise = torch.tensor([[0.5, -1.0], [2.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    sample = Gaussian(mean, std).sample(noise)
    sample.sum().backward()
    torch.testing.assert_close(sample.detach(), q.mean + q.std * noise)
    assert torch.equal(mean.grad, torch.ones_like(noise))
    assert torch.equal(std.grad, noise)


def test_two_shapes_have_no_divergence():
    with refused(ValueError, (4, 3), (1, 3)):
        gaussian(4, 3, seed=0).kl(gaussian(1, 3, seed=0))


def test_detached_copy_has_the_values_and_no_gradient():
    mean = torch.zeros(2, 2, requires_grad=True)
    detached = Gaussian(mean, mean + 1).detach()
    assert not detached.mean.requires_grad and not detached.std.requires_grad
    assert torch.equal(detached.std, torch.ones(2, 2))


def test_is_a_frozen_value():
    with pytest.raises(dataclasses.FrozenInstanceError):
        gaussian(1, 1, seed=0).mean = torch.zeros(1, 1)


@pytest.mark.parametrize("std", [0.1, 1.0, 2.5])
def test_the_density_of_a_frame_is_that_of_all_its_pixels(std):
    frames, mean = torch.rand(2, 3, 1, 4, 4).double(), torch.rand(2, 3, 1, 4, 4).double()
    expected = Normal(mean, std).log_prob(frames).sum((2, 3, 4))
    torch.testing.assert_close(frame_log_prob(frames, mean, std), expected)
