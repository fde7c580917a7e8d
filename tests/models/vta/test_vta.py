from __future__ import annotations

import pytest
import torch
from torch import nn

from dlh.models.vta import Noise, VariationalTemporalAbstraction
from dlh.video import VideoError
from refusals import refused
from small_models import seeded
from small_vta import clips, lively_vta, small_vta_config

CONFIG = small_vta_config()
BETA = 0.5


def normalisations(model: nn.Module) -> dict[str, nn.Module]:
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
    }


def buffers(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: part.clone() for name, part in model.named_buffers()}


def test_the_terms_are_of_the_scored_steps():
    model, video = lively_vta(CONFIG), clips(CONFIG)
    found = model.terms(video, temperature=BETA, generator=seeded())
    assert all(part.shape == (3, 10) for part in vars(found).values())
    assert found.read[:, 0].all() and not found.read.all()
    assert (found.abstract_kl[found.read] > 0).all()
    assert (found.abstract_kl[~found.read] == 0).all()
    assert (found.observation_kl > 0).all()
    divergence = found.observation_kl + found.abstract_kl + found.boundary_kl
    torch.testing.assert_close(found.elbo, (found.reconstruction - divergence).sum(1))
    torch.testing.assert_close(found.loss, (divergence - found.reconstruction).mean())


def test_each_term_reaches_what_it_is_of():
    model, video = lively_vta(CONFIG), clips(CONFIG)
    found = model.terms(video, temperature=BETA, generator=seeded())
    reached = {}
    terms = {
        "reconstruction": found.reconstruction,
        "observation": found.observation_kl,
        "abstract": found.abstract_kl,
        "boundary": found.boundary_kl,
    }
    for name, term in terms.items():
        model.zero_grad(set_to_none=True)
        term.sum().backward(retain_graph=True)
        reached[name] = {
            name
            for name, part in model.named_parameters()
            if part.grad is not None and part.grad.any()
        }

    def reaches(term: str, module: str) -> bool:
        return any(name.startswith(module) for name in reached[term])

    for term in terms:
        assert reaches(term, "decoder") == (term == "reconstruction")
        assert reaches(term, "observation.prior") == (term == "observation")
        assert reaches(term, "abstract.prior") == (term == "abstract")
        assert reaches(term, "observation.boundary_prior") == (term == "boundary")
        assert reaches(term, "encoder")
        assert reaches(term, "boundary_posterior")  # straight through READ and COPY
    everything = {name for name, _ in model.named_parameters()}
    assert set().union(*reached.values()) == everything


def test_training_and_evaluation_mode_differ_as_published():
    model, video = lively_vta(CONFIG), clips(CONFIG)
    noise = Noise.draw(CONFIG, video, generator=seeded())
    training, _ = model.observe(video, temperature=BETA, noise=noise)
    assert not torch.equal(training.log_sample, training.boundary_posterior.log_sample(None))
    evaluation, _ = model.eval().observe(video, temperature=BETA, noise=noise)
    assert not torch.allclose(evaluation.features, training.features)
    assert torch.equal(evaluation.log_sample, evaluation.boundary_posterior.log_sample(None))
    again, _ = model.observe(video, temperature=BETA, noise=noise)
    assert torch.equal(again.features, evaluation.features)


def test_a_training_pass_updates_every_running_statistic_once():
    model, video = lively_vta(CONFIG), clips(CONFIG)
    before = buffers(model)
    model.terms(video, temperature=BETA, generator=seeded())
    for name, module in normalisations(model).items():
        assert module.num_batches_tracked == before[f"{name}.num_batches_tracked"] + 1
        assert not torch.equal(module.running_mean, before[f"{name}.running_mean"])


def test_the_running_statistics_are_of_all_frames_of_the_batch():
    model, video = lively_vta(CONFIG), clips(CONFIG)
    first = model.encoder.layers[0]
    mean_before, variance_before = first[1].running_mean.clone(), first[1].running_var.clone()
    noise = Noise.draw(CONFIG, video, generator=seeded())
    _, frames = model.observe(video, temperature=BETA, noise=noise)
    maps = first[0](frames.flatten(0, 1)).detach()
    mean, variance = maps.mean((0, 2, 3)), maps.var((0, 2, 3), correction=1)
    torch.testing.assert_close(first[1].running_mean, 0.9 * mean_before + 0.1 * mean)
    torch.testing.assert_close(first[1].running_var, 0.9 * variance_before + 0.1 * variance)


def test_evaluation_and_prediction_leave_the_running_statistics_alone():
    model, video = lively_vta(CONFIG).eval(), clips(CONFIG)
    before = buffers(model)
    model.terms(video, temperature=BETA, generator=seeded())
    model.predict(video, horizon=3, generator=seeded())
    assert all(torch.equal(part, before[name]) for name, part in buffers(model).items())


def test_in_evaluation_mode_a_clip_is_scored_alone_as_in_its_batch():
    model, video = lively_vta(CONFIG).eval(), clips(CONFIG)
    noise = Noise.draw(CONFIG, video, generator=seeded())
    batch = model.terms(video, temperature=BETA, noise=noise)
    for index in range(len(video)):
        alone = model.terms(
            video[index : index + 1],
            temperature=BETA,
            noise=Noise(**{name: part[index : index + 1] for name, part in vars(noise).items()}),
        )
        for name, part in vars(alone).items():
            torch.testing.assert_close(part[0], getattr(batch, name)[index])


def test_in_training_mode_a_clip_is_not_scored_alone():
    model, video = lively_vta(CONFIG), clips(CONFIG)
    noise = Noise.draw(CONFIG, video, generator=seeded())
    batch = model.terms(video, temperature=BETA, noise=noise)
    first = Noise(**{name: part[:1] for name, part in vars(noise).items()})
    alone = model.terms(video[:1], temperature=BETA, noise=first)
    assert not torch.allclose(alone.reconstruction[0], batch.reconstruction[0])


@pytest.mark.parametrize("way_back", ["grey_levels", "smooth"])
def test_futures_are_frames_and_boundaries(way_back):
    config = small_vta_config(way_back=way_back)
    model, video = lively_vta(config).eval(), clips(config, frames=3)
    prediction = model.predict(video, horizon=6, samples=4, generator=seeded())
    assert prediction.frames.shape == (3, 4, 6, 1, 16, 16)
    assert prediction.changed.shape == (3, 4, 6, 2)
    assert prediction.changed[..., 0].all() and prediction.changed[:, :, 0].all()
    assert prediction.frames.min() >= 0 and prediction.frames.max() <= 1
    grey = prediction.frames * 31
    on_a_level = torch.isclose(grey, grey.round(), atol=1e-9).double().mean()
    assert on_a_level == 1 if way_back == "grey_levels" else on_a_level < 0.9
    assert not torch.equal(prediction.frames[:, 0], prediction.frames[:, 1])


def test_overfits_one_batch():
    config = small_vta_config()
    torch.manual_seed(0)
    model, video = VariationalTemporalAbstraction(config), clips(config, batch=2).float()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, amsgrad=True)
    noise = Noise.draw(config, video, generator=seeded())
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = model.terms(video, temperature=BETA, noise=noise).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    constant = 0.5 * 256 * 1.8379  # log(2 pi) per pixel: no reconstruction goes below
    assert losses[-1] - constant < 0.8 * (losses[0] - constant)


@pytest.mark.parametrize("frames", [1, 4])
def test_a_clip_that_is_all_context_is_refused(frames):
    with refused(VideoError, 5, frames, code="too-few-frames"):
        lively_vta(CONFIG).terms(clips(CONFIG, frames=frames), temperature=BETA)


def test_what_it_cannot_take_is_refused():
    model, video = lively_vta(CONFIG), clips(CONFIG)
    with refused(ValueError, 0.0):
        model.terms(video, temperature=0.0)
    other = Noise.draw(CONFIG, video[:, :13], generator=seeded())
    with refused(ValueError, (3, 13, 1, 16, 16), (3, 14, 1, 16, 16)):
        model.terms(video, temperature=BETA, noise=other)
    with pytest.raises(ValueError, match="training"):
        model.predict(video, horizon=2)


def test_under_autocast_boundaries_and_divergences_stay_in_full_precision():
    config = small_vta_config()
    model, video = lively_vta(config).float(), clips(config).float()
    noise = Noise.draw(config, video, generator=seeded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model.terms(video, temperature=BETA, noise=noise)
    for part in (found.reconstruction, found.observation_kl, found.abstract_kl, found.boundary_kl):
        assert part.dtype == torch.float32 and part.isfinite().all()
