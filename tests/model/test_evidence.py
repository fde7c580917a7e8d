"""The bound against evidence that is known: Gaussian in closed form, or by quadrature.

The importance weight of a sample is p(o, s, e) / q(s, e), computed from the trace. Its mean is the
evidence, the log of its mean over a few samples (IWAE) lies between the ELBO and the evidence, and
with the exact posterior it is the evidence itself whatever the sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from dlh.distributions import Gaussian
from dlh.interfaces import Objective
from dlh.model import DLHConfig, DynamicLatentHierarchy, Noise, Trace
from dlh.model.bound import bound
from small_models import lively_model, lively_video, noise_for, sequences_of, small_config


def log_weights(trace: Trace, objective: Objective, config: DLHConfig) -> Tensor:
    """log p(o, s, e) - log q(s, e) of every sequence, (batch,)."""
    component = trace.change_prior.where(trace.changed[..., None], trace.static_prior)
    states = component.log_prob(trace.state) - trace.posterior.log_prob(trace.state)
    total = objective.reconstruction.sum(1) + (states * trace.reachable).sum((1, 2))
    decided = trace.reachable & ~trace.first[..., None]
    decided[..., 0] = False
    prior = torch.distributions.Bernoulli(logits=trace.change_logit)
    events = prior.log_prob(trace.changed.double())
    if config.decision == "vade":
        estimate = trace.change_estimate.clamp(1e-300, 1)
        events = events - torch.where(
            trace.changed, estimate.log(), torch.log1p(-trace.change_estimate)
        )
    return total + torch.where(decided, events, 0.0).sum((1, 2))


@torch.no_grad()
def sampled(
    model: DynamicLatentHierarchy, video: Tensor, noise: Noise
) -> tuple[Trace, Objective, Tensor]:
    """One clip (1, time, ...) inferred with as many noises as there are, and the weights."""
    clips = video.expand(len(noise.normal), *video.shape[1:])
    trace, _ = model.observe(clips, noise=noise)
    objective = bound(trace, clips, model.decode(trace.frame_context), model.config)
    return trace, objective, log_weights(trace, objective, model.config)


def assert_ordered(elbo: Tensor, log_weight: Tensor, evidence: float, samples: int) -> None:
    """ELBO < IWAE <= evidence, and the mean weight is the evidence, within four standard errors."""
    groups = log_weight.reshape(-1, samples)
    iwae = groups.logsumexp(1) - math.log(samples)
    weight = (log_weight - evidence).exp()

    def error(values: Tensor) -> float:
        return float(values.std() / len(values) ** 0.5)

    assert error(weight) < 0.1, "the weights are too uneven to say anything"
    assert abs(float(weight.mean()) - 1) < 4 * error(weight)
    assert float(elbo.mean()) + 4 * error(elbo) < float(iwae.mean()) - 4 * error(iwae)
    assert float(iwae.mean()) <= evidence + 4 * error(iwae)


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


# Two frames, two levels, one state each: the networks as they are, and the evidence by quadrature.


@dataclass
class Quadrature:
    """Sums over a grid of [-limit, limit] for every state; all in logs."""

    model: DynamicLatentHierarchy
    video: Tensor
    points: int = 71
    limit: float = 8.0

    @torch.no_grad()
    def log_evidence(self, decided: bool = False) -> float:
        """log p(o_1, o_2), the static component of step 2 being the belief b_1.

        Args:
            decided: of the values of e^2 at step 2 keep only the one that inference chooses: what a
                one-hot q(e) covers.
        """
        model, levels, config = self.model, self.model.levels, self.model.config
        points, low, high = self.points, *levels
        grid = torch.linspace(-self.limit, self.limit, points).double()
        step = math.log(2 * self.limit / (points - 1))
        s = grid[:, None]
        zeros = torch.zeros(points, config.memory_size).double()
        no_context = torch.zeros(points, config.context_size).double()
        context = high.top_down(s, no_context)  # c^1, by s^2

        def log_pixels(frame: Tensor) -> Tensor:
            """log p(o | s^1, c^1): (points of s^1, points of s^2)."""
            pairs = low.top_down(
                s[:, None].expand(-1, points, -1), context[None].expand(points, -1, -1)
            )
            mean = model.decoder(pairs.flatten(0, 1)).reshape(points, points, -1)
            square = (frame.flatten() - mean).square().sum(2) / config.likelihood_std**2
            constant = 256 * math.log(config.likelihood_std * math.sqrt(2 * math.pi))
            return -0.5 * square - constant

        def density(gaussian: Gaussian) -> Tensor:
            """log densities at the grid of a batch of Gaussians: (points, batch)."""
            return torch.distributions.Normal(gaussian.mean[:, 0], gaussian.std[:, 0]).log_prob(s)

        # Step 1, indices [s_1^1, s_1^2]: every level changes.
        first = (
            density(high.change_prior(zeros, no_context))[:, 0][None]
            + density(low.change_prior(zeros, context))
            + log_pixels(self.video[0, 0])
        )
        # What step 1 leaves: memories d_2^1 (by s_1^1), d_2^2 (by s_1^2), the factor, the belief.
        memory_low = low.transition.step(s, zeros)
        memory_high = high.transition.step(s, zeros)
        factor = high.change_factor
        start = torch.zeros(1, 2 * config.memory_size + 1).double()
        _, hidden = factor.step(start, torch.zeros(1, config.factor_size).double())
        pairs = torch.cat(
            (
                memory_high[None].expand(points, -1, -1),
                memory_low[:, None].expand(-1, points, -1),
                torch.ones(points, points, 1).double(),
            ),
            2,
        ).flatten(0, 1)
        logit, _ = factor.step(pairs, hidden.expand(len(pairs), -1))
        logit = logit.reshape(points, points)
        features = [model.encoder(self.video[0])]
        features.append(low.bottom_up(features[0]))
        belief = high.posterior(features[1][:1], no_context[:1])

        # Step 2. Integrate s_2^1 out: indices [s_1^1, s_2^2].
        transition = torch.stack(
            [
                density(low.change_prior(memory_low, context[j : j + 1].expand(points, -1)))
                for j in range(points)
            ],
            2,
        )  # [s_2^1, s_1^1, s_2^2]
        second = (transition + log_pixels(self.video[0, 1])[:, None]).logsumexp(0) + step
        # Then s_2^2, which comes from either component: indices [s_1^1, s_1^2].
        prior = high.change_prior(memory_high, no_context)
        changed = (second[:, :, None] + density(prior)[None]).logsumexp(1) + step
        static = (second + density(belief)[:, 0]).logsumexp(1)[:, None] + step
        changed = changed + nn.functional.logsigmoid(logit)
        static = static + nn.functional.logsigmoid(-logit)
        if decided:
            q = high.posterior(features[1][1:], no_context[:1]).map(
                lambda part: part.expand(points, -1)
            )
            choice = q.kl(prior) <= q.kl(belief.map(lambda part: part.expand(points, -1)))
            later = torch.where(choice[None], changed, static)
        else:
            later = torch.logaddexp(changed, static)
        return float((first + later).flatten().logsumexp(0) + 2 * step)


def two_steps(decision: str) -> tuple[DynamicLatentHierarchy, Tensor]:
    """Two frames, and a model with posteriors wider than its priors: the weights are bounded."""
    config = small_config(2, state_size=1, likelihood_std=4.0, decision=decision)
    model = lively_model(config, seed=SEED)
    with torch.no_grad():
        for level in model.levels:
            level.posterior.head.weight *= 0.5
            level.posterior.head.bias[1] += 2.2
            level.change_prior.head.weight *= 2.0
            level.change_prior.head.bias[1] += 0.2
        model.levels[1].change_factor.logit.weight *= 2
    return model, lively_video(config, batch=8, steps=2, seed=SEED)[CLIP : CLIP + 1]


SEED, CLIP = 3, 4  # a frame after which some samples of level 2 change and some do not


def test_quadrature_has_converged():
    model, video = two_steps("threshold")
    fine = Quadrature(model, video, points=91).log_evidence()
    coarse = Quadrature(model, video).log_evidence()
    assert fine == pytest.approx(coarse, abs=1e-4)
    assert Quadrature(model, video).log_evidence(decided=True) < fine - 0.01


@pytest.mark.parametrize("decision", ["threshold", "vade"])
def test_two_steps_of_two_levels_against_quadrature(decision):
    """A one-hot q(e) covers the decided events; the estimate of Eq. 34 covers all of them."""
    model, video = two_steps(decision)
    evidence = Quadrature(model, video).log_evidence(decided=decision == "threshold")
    noise = noise_for(model.config, video.expand(4000, -1, -1, -1, -1))
    trace, objective, log_weight = sampled(model, video, noise)
    later = trace.changed[:, 1, 1]
    assert bool(later.any()) and not bool(later.all())
    assert_ordered(objective.elbo, log_weight, evidence, samples=20)


def test_a_sample_and_its_copy_weigh_the_same():
    model, video = two_steps("threshold")
    noise = noise_for(model.config, video.expand(4, -1, -1, -1, -1))
    _, _, log_weight = sampled(model, video, sequences_of(noise, [0, 1, 0, 1]))
    torch.testing.assert_close(log_weight[:2], log_weight[2:])
