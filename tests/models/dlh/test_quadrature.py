"""The bound against the evidence by quadrature: two frames, two levels, one number each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from dlh.distributions import Gaussian
from dlh.models.dlh import DynamicLatentHierarchy
from importance_weights import assert_ordered, sampled
from small_models import lively_model, lively_video, noise_for, sequences_of, small_config


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
