"""The flat model: its bound is one, its futures follow its prior, and it learns."""

from __future__ import annotations

import torch
from torch.distributions import Normal, kl_divergence

from dlh.interfaces import Update
from models.flat.small_flat import a_model


def a_video(batch: int = 4, steps: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(batch, steps, 1, 16, 16, generator=generator, dtype=torch.float64)


def noise_of(video: torch.Tensor, seed: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*video.shape[:2], 3, generator=generator, dtype=torch.float64)


def test_the_bound_is_that_of_the_equations_step_by_step() -> None:
    model, video = a_model(), a_video()
    noise = noise_of(video)
    found = model.objective(video, noise=noise)
    state, memory = torch.zeros(4, 3).double(), torch.zeros(4, 7).double()
    for t in range(6):
        prior = model.prior(memory, state)
        posterior = model.posterior(model.encoder(video[:, t]), memory)
        state = posterior.mean + posterior.std * noise[:, t]
        divergence = kl_divergence(
            Normal(posterior.mean, posterior.std), Normal(prior.mean, prior.std)
        ).sum(1)
        frame = Normal(model.decode(state, memory), 0.5).log_prob(video[:, t]).sum((1, 2, 3))
        torch.testing.assert_close(found["state_kl"][:, t, 0], divergence)
        torch.testing.assert_close(found["reconstruction"][:, t], frame)
        memory = model.transition.step(state, memory)
    total = found["reconstruction"].sum(1) - found["state_kl"].sum((1, 2))
    torch.testing.assert_close(found.elbo, total)
    torch.testing.assert_close(found.loss, -total.mean() / 6)
    assert found.changed is None


def test_beta_weighs_the_divergence_only() -> None:
    model, video = a_model(), a_video()
    losses = [
        model.objective(video, noise=noise_of(video), update=Update(number=3, beta=beta)).loss
        for beta in (0.0, 0.5, 1.0)
    ]
    torch.testing.assert_close(losses[1], (losses[0] + losses[2]) / 2)
    assert losses[2] > losses[0]


def test_every_parameter_is_learnt() -> None:
    model, video = a_model(), a_video()
    model.objective(video, noise=noise_of(video)).loss.backward()
    assert all(bool(p.grad.any()) for p in model.parameters())
