"""The bound against evidence that is known: Gaussian in closed form, or by quadrature.

The importance weight of a sample is p(o, s, e) / q(s, e), computed from the trace. Its mean is the
evidence, the log of its mean over a few samples (IWAE) lies between the ELBO and the evidence, and
with the exact posterior it is the evidence itself whatever the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from dlh.distributions import Gaussian
from dlh.models.dlh import DynamicLatentHierarchy, Noise
from importance_weights import assert_ordered, sampled
from small_models import lively_model, lively_video, noise_for, small_config

# One frame: the joint of states and pixels is Gaussian when every map is linear.


class LinearGaussian(nn.Module):
    """mean = evidence @ from_evidence + context * from_context + bias, fixed std; one state."""

    def __init__(self, from_evidence: Tensor, from_context: float, bias: float, std: float):
        super().__init__()
        self.maps = (from_evidence, from_context, bias, std)

    def project(self, evidence: Tensor) -> Tensor:
        return evidence @ self.maps[0][:, None]

    def given(self, projected: Tensor, context: Tensor) -> Gaussian:
        _, from_context, bias, std = self.maps
        mean = projected + from_context * context + bias
        return Gaussian(mean, torch.full_like(mean, std))

    def forward(self, evidence: Tensor, context: Tensor) -> Gaussian:
        return self.given(self.project(evidence), context)


class LinearContext(nn.Module):
    """[s, c] -> s * from_state + c * from_context + bias."""

    def __init__(self, from_state: Tensor, from_context: Tensor, bias: Tensor):
        super().__init__()
        self.maps = (from_state, from_context, bias)

    def forward(self, joined: Tensor) -> Tensor:
        from_state, from_context, bias = self.maps
        return joined[..., :1] * from_state + joined[..., 1:] * from_context + bias


@dataclass
class LinearToy:
    """Pixels linear in [s^1, c^1], c^1 = slope s^2 + shift, and both states Gaussian.

    s^1 ~ N(prior_mean^1 + prior_slope c^1, prior_std^1) and s^2 ~ N(prior_mean^2, prior_std^2).
    """

    num_levels: int
    std: float = 0.9
    prior_mean: tuple[float, ...] = (0.3, -0.4)
    prior_slope: float = 0.7
    prior_std: tuple[float, ...] = (0.8, 1.2)
    slope: float = -1.1
    shift: float = 0.25

    def __post_init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.on_state, self.on_context, self.mean = (
            0.12 * torch.randn(256, generator=generator, dtype=torch.float64) for _ in range(3)
        )
        if self.num_levels == 1:  # c^1 = 0
            self.prior_slope, self.on_context = 0.0, torch.zeros(256, dtype=torch.float64)

    def joint(self) -> tuple[Tensor, Tensor]:
        """Mean and covariance of [s^1, s^2, o] (or of [s^1, o])."""
        states = self.num_levels
        mean, covariance = torch.zeros(states).double(), torch.zeros(states, states).double()
        context_mean, context_variance, top_to_context = 0.0, 0.0, 0.0
        if states == 2:
            mean[1], covariance[1, 1] = self.prior_mean[1], self.prior_std[1] ** 2
            context_mean = self.slope * self.prior_mean[1] + self.shift
            context_variance = self.slope**2 * self.prior_std[1] ** 2
            top_to_context = self.slope * self.prior_std[1] ** 2
            covariance[0, 1] = covariance[1, 0] = self.prior_slope * top_to_context
        mean[0] = self.prior_mean[0] + self.prior_slope * context_mean
        covariance[0, 0] = self.prior_std[0] ** 2 + self.prior_slope**2 * context_variance
        # o = on_state s^1 + on_context c^1 + mean + noise, and c^1 is linear in s^2.
        weights = torch.zeros(256, states).double()
        weights[:, 0] = self.on_state
        shift = self.mean
        if states == 2:
            weights[:, 1] = self.on_context * self.slope
            shift = shift + self.on_context * self.shift
        cross = covariance @ weights.T
        pixels = weights @ cross + self.std**2 * torch.eye(256).double()
        whole = torch.cat((torch.cat((covariance, cross), 1), torch.cat((cross.T, pixels), 1)))
        return torch.cat((mean, weights @ mean + shift)), whole

    def log_evidence(self, frame: Tensor) -> float:
        mean, covariance = self.joint()
        pixels = slice(self.num_levels, None)
        distribution = torch.distributions.MultivariateNormal(
            mean[pixels], covariance[pixels, pixels]
        )
        return float(distribution.log_prob(frame.flatten()))

    def model(self, *, mistake: float = 0.0) -> DynamicLatentHierarchy:
        """The hierarchy with these maps, and its exact posterior or one that is a little wrong."""
        config = small_config(
            self.num_levels,
            state_size=1,
            context_size=1,
            feature_size=256,
            likelihood_std=self.std,
        )
        model = lively_model(config)
        model.encoder, model.decoder = nn.Flatten(), nn.Unflatten(1, (1, 16, 16))
        mean, covariance = self.joint()
        for n, level in enumerate(model.levels):
            if n < self.num_levels - 1:
                level.bottom_up = nn.Identity()
            # Condition s^n on the pixels and on s^{n+1}, which c^n = slope s^{n+1} + shift tells.
            known = list(range(n + 1, self.num_levels + 256))
            gain = torch.linalg.solve(covariance[known][:, known], covariance[known, n])
            variance = covariance[n, n] - covariance[known, n] @ gain
            on_pixels, bias = gain[-256:], mean[n] - gain @ mean[known]
            on_context = 0.0
            if n == 0 and self.num_levels == 2:
                on_context = float(gain[0]) / self.slope
                bias = bias - on_context * self.shift
            level.posterior = LinearGaussian(
                on_pixels,
                on_context,
                float(bias) + mistake,
                float(variance) ** 0.5 * (1 + mistake),
            )
            level.change_prior = LinearGaussian(
                torch.zeros(config.memory_size).double(),
                self.prior_slope if n == 0 else 0.0,
                self.prior_mean[n],
                self.prior_std[n],
            )
        if self.num_levels == 2:
            one = torch.ones(1).double()
            model.levels[1].to_context = LinearContext(self.slope * one, 0 * one, self.shift * one)
        model.levels[0].to_context = LinearContext(self.on_state, self.on_context, self.mean)
        return model


@pytest.mark.parametrize("num_levels", [1, 2])
def test_with_the_exact_posterior_every_sample_weighs_the_evidence(num_levels):
    toy = LinearToy(num_levels)
    model = toy.model()
    video = lively_video(model.config, batch=1, steps=1)
    _, _, log_weight = sampled(model, video, noise_for(model.config, video.expand(8, 1, 1, 16, 16)))
    expected = torch.full((8,), toy.log_evidence(video), dtype=torch.float64)
    torch.testing.assert_close(log_weight, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("num_levels", [1, 2])
def test_with_the_exact_posterior_the_bound_is_the_evidence(num_levels):
    """The bound is quadratic in the noise: three Gauss-Hermite points a state give its mean."""
    toy = LinearToy(num_levels)
    model = toy.model()
    video = lively_video(model.config, batch=1, steps=1)
    points = torch.tensor([-(3**0.5), 0.0, 3**0.5], dtype=torch.float64)
    weights = torch.tensor([1 / 6, 2 / 3, 1 / 6], dtype=torch.float64)
    grid = torch.cartesian_prod(*[points] * num_levels).reshape(-1, 1, num_levels, 1)
    weight = torch.cartesian_prod(*[weights] * num_levels).reshape(-1, num_levels).prod(1)
    noise = Noise(normal=grid, uniform=torch.zeros(len(grid), 1, num_levels).double())
    _, objective, _ = sampled(model, video, noise)
    assert float(weight @ objective.elbo) == pytest.approx(toy.log_evidence(video), abs=1e-9)


@pytest.mark.parametrize("num_levels", [1, 2])
def test_with_another_posterior_the_bound_lies_below_the_evidence(num_levels):
    toy = LinearToy(num_levels)
    model = toy.model(mistake=0.3)
    video = lively_video(model.config, batch=1, steps=1)
    noise = noise_for(model.config, video.expand(6000, 1, 1, 16, 16))
    _, objective, log_weight = sampled(model, video, noise)
    assert_ordered(objective.elbo, log_weight, toy.log_evidence(video), samples=20)
