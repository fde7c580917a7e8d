"""VTA as training, validation and the search for events see it."""

from __future__ import annotations

import math

import pytest
import torch

from dlh.interfaces import DecidingModel, Execution, Share, TrainableModel, Update
from dlh.models.vta import Noise, temperature
from dlh.video import VideoError
from refusals import refused
from small_models import seeded
from small_vta import clips, lively_vta, small_vta_config

CONFIG = small_vta_config()


@pytest.mark.parametrize("done, update", [(0, 1), (99, 100), (math.inf, math.inf)])
def test_the_temperature_is_that_of_the_update_counted_from_1(done, update):
    model, video = lively_vta(CONFIG), clips(CONFIG)
    noise = Noise.draw(CONFIG, video, generator=seeded())
    found = model.objective(video, noise=noise, update=Update(number=done))
    terms = lively_vta(CONFIG).terms(video, temperature=temperature(update), noise=noise)
    assert found.schedule == {"temperature": temperature(update)}
    assert torch.equal(found.loss, terms.loss)
    assert torch.equal(found.elbo, terms.elbo)
    assert not found.elbo.requires_grad


def test_the_terms_are_nats_of_two_levels_without_the_context():
    model, video = lively_vta(CONFIG), clips(CONFIG, frames=14)
    found = model.objective(video, generator=seeded())
    assert found["reconstruction"].shape == (3, 10)
    assert found["state_kl"].shape == found["event_kl"].shape == found.changed.shape == (3, 10, 2)
    assert {term.unit for term in found.terms.values()} == {"nats"}
    assert not found["event_kl"][..., 0].any() and found["event_kl"][..., 1].any()
    upper = found.changed[..., 1]
    assert found.changed[..., 0].all() and upper[:, 0].all() and not upper.all()
    assert torch.equal(found["state_kl"][..., 1] > 0, upper)  # nothing is drawn where it is held
    divergence = found["state_kl"].sum(2) + found["event_kl"].sum(2)
    torch.testing.assert_close(found.loss, (divergence - found["reconstruction"]).mean())


def test_the_weight_of_the_divergences_is_always_1():
    video = clips(CONFIG)
    noise = Noise.draw(CONFIG, video, generator=seeded())
    losses = [
        lively_vta(CONFIG).objective(video, noise=noise, update=Update(number=5, beta=beta)).loss
        for beta in (0.0, 1.0)
    ]
    assert torch.equal(*losses)


def test_it_is_trained_as_published():
    plan = lively_vta(CONFIG).plan
    (stage,) = plan.stages
    adam = stage.optimiser
    assert adam.amsgrad and adam.gradient_norm == 10.0 and adam.betas == (0.9, 0.999)
    assert adam.eps_of(1) == 1e-8 and len(stage.phases) == 1
    assert plan.judged_by == "elbo"


def test_a_share_of_a_batch_is_refused_with_the_reason():
    model = lively_vta(CONFIG)
    assert "statistics" in model.plan.whole_batch
    with refused(ValueError, 1, 2):
        model.objective(
            clips(CONFIG), execution=Execution(share=Share(index=1, count=2)), generator=seeded()
        )


def test_figures_are_of_scored_frames_and_of_boundaries_everywhere():
    model, video = lively_vta(CONFIG).eval(), clips(CONFIG, frames=14)
    found = model.figures(video, generator=seeded())
    objective = model.objective(video, generator=seeded())
    torch.testing.assert_close(found.values["elbo"], objective.elbo / 10)
    divergence = objective["state_kl"] + objective["event_kl"]
    torch.testing.assert_close(found.values["kl"], divergence.mean(1))
    assert found.changed.shape == (3, 14, 2)
    scored = found.changed[:, 2:-2]
    assert torch.equal(scored[:, 1:], objective.changed[:, 1:])  # the first one is forced


def test_boundaries_are_found_at_every_frame_of_a_video_of_any_length(monkeypatch):
    model, video = lively_vta(CONFIG).eval(), clips(CONFIG, frames=30)
    found = model.decide(video, generator=seeded())
    assert found.changed.shape == found.evidence.shape == (3, 30, 2)
    assert found.changed[..., 0].all() and not found.evidence[..., 0].any()
    assert torch.equal(found.changed[..., 1], found.evidence[..., 1] >= 0)
    assert 0 < found.changed[..., 1].double().mean() < 1
    assert model.decide(video[:, :1], generator=seeded()).changed.shape == (3, 1, 2)
    figures = model.figures(video, generator=seeded())
    assert torch.equal(figures.changed, found.changed)
    monkeypatch.setattr("dlh.models.vta.vta.FRAMES_PER_ENCODING", 21)
    parts = model.decide(video, generator=seeded())
    assert parts.evidence.shape == found.evidence.shape


def test_boundaries_found_in_parts_are_those_found_at_once(monkeypatch):
    model, video = lively_vta(CONFIG).eval(), clips(CONFIG, frames=30, batch=1)
    monkeypatch.setattr(  # the noise of a part is drawn for the part
        "dlh.models.vta.vta.draw_dequantisation",
        lambda part, *, generator: torch.full_like(part, 0.25),
    )
    whole = model.decide(video)
    monkeypatch.setattr("dlh.models.vta.vta.FRAMES_PER_ENCODING", 7)
    torch.testing.assert_close(model.decide(video).evidence, whole.evidence)


def test_boundaries_are_not_found_in_training_mode():
    model = lively_vta(CONFIG)
    with pytest.raises(ValueError, match="training"):
        model.decide(clips(CONFIG))


@pytest.mark.parametrize("frames", [1, 4])
def test_a_clip_that_is_all_context_is_refused_by_its_code(frames):
    model, video = lively_vta(CONFIG).eval(), clips(CONFIG, frames=frames)
    for call in (model.objective, model.figures):
        with refused(VideoError, 5, frames, code="too-few-frames"):
            call(video, generator=seeded())


def test_it_keeps_the_contract_and_says_how_its_frames_came_into_the_unit_interval():
    model = lively_vta(CONFIG)
    assert isinstance(model, TrainableModel) and isinstance(model, DecidingModel)
    smooth = lively_vta(small_vta_config(way_back="smooth"))
    assert "32 grey levels" in model.to_unit_range
    assert "clipped" in smooth.to_unit_range
