"""The flat model: its bound is one, its futures follow its prior, and it learns."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from dlh.interfaces import Execution, Share, Update
from dlh.models.flat import FlatConfig, FlatModel
from dlh.video import VideoError

CONFIG = FlatConfig(
    channels=1,
    height=16,
    width=16,
    feature_size=9,
    memory_size=7,
    state_size=3,
    hidden_sizes=(8,),
    convolution_channels=(2, 3, 4, 5),
    likelihood_std=0.5,
)


def a_model(config: FlatConfig = CONFIG, seed: int = 0) -> FlatModel:
    """In float64, with weights under which every input matters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = FlatModel(config).double()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model


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


def test_shares_of_a_batch_are_the_batch() -> None:
    model, video = a_model(), a_video()
    whole = model.objective(video, generator=torch.Generator().manual_seed(5))
    parts = [
        model.objective(
            video[2 * index : 2 * index + 2],
            generator=torch.Generator().manual_seed(5),
            execution=Execution(share=Share(index=index, count=2)),
        )
        for index in range(2)
    ]
    torch.testing.assert_close(torch.cat([part.elbo for part in parts]), whole.elbo)


def test_futures_are_drawn_from_the_prior_in_neighbouring_samples() -> None:
    model, video = a_model(), a_video(batch=2)
    first, again, other = (
        model.predict(
            video, horizon=5, samples=3, generator=torch.Generator().manual_seed(seed)
        ).frames
        for seed in (0, 0, 1)
    )
    assert first.shape == (2, 3, 5, 1, 16, 16) and first.min() >= 0 and first.max() <= 1
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert not torch.equal(first[:, 0], first[:, 1])
    for name in ("horizon", "samples"):
        with pytest.raises(ValueError, match=f"{name} .*found 0"):
            model.predict(video, **{"horizon": 2, name: 0})


def test_a_video_for_another_model_is_refused() -> None:
    with pytest.raises(VideoError, match=r"\(1, 16, 16\), found \(3, 16, 16\)"):
        a_model().predict(torch.rand(1, 2, 3, 16, 16).double(), horizon=1)
    with pytest.raises(VideoError, match=r"float64, found .*float32"):
        a_model().predict(torch.rand(1, 2, 1, 16, 16), horizon=1)


def test_one_batch_can_be_learnt_by_heart() -> None:
    torch.manual_seed(0)
    config = dataclasses.replace(CONFIG, likelihood_std=0.1, convolution_channels=(8, 8, 8, 8))
    model = FlatModel(config)
    generator = torch.Generator().manual_seed(0)
    video = torch.rand(2, 5, 1, 1, 1, generator=generator).expand(2, 5, 1, 16, 16).contiguous()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    losses = []
    for step in range(120):
        optimizer.zero_grad()
        loss = model.objective(video, generator=torch.Generator().manual_seed(step)).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.8 * (losses[0] + 355)  # 355 = 256 (log .1 + log(2 pi) / 2)
