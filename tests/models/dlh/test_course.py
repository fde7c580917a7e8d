"""The stages of a hierarchy's training: what each trains, on what, and how it is shared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dlh.data.worlds.moving_ball import MovingBall
from dlh.interfaces import WHOLE, Execution, Share, Stage, Update, names_one_of
from dlh.models.dlh import DynamicLatentHierarchy
from dlh.models.dlh.bound import event_kl, state_kl
from dlh.models.dlh.config import DynamicsConfig, EmergenceConfig
from dlh.models.dlh.course import learning_rate
from dlh.models.dlh.dynamics import KeptClips, bytes_per_frame
from dlh.models.dlh.trace import Noise
from dlh.runs.presets import tiny
from dlh.training.loop import train
from dlh.training.run import RunFolder
from small_models import lively_model, lively_video, small_config

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


def trained_alone(num_levels: int = 3, **changes) -> DynamicLatentHierarchy:
    """A model with the later stages."""
    dynamics = DynamicsConfig(**{"clips": 7, "clip_length": 12, "batch_size": 4, **changes})
    return lively_model(small_config(num_levels, dynamics=dynamics), seed=2)


def stage(model: DynamicLatentHierarchy, name: str) -> Stage:
    return next(stage for stage in model.plan.stages if stage.name == name)


def draw(number: int, *, clips: int, frames: int) -> torch.Tensor:
    """Other clips for every number."""
    return lively_video(small_config(3), batch=clips, steps=frames, seed=number)


def batch_of(model: DynamicLatentHierarchy, name: str, seed: int = 1, share: Share = WHOLE):
    """What a stage trains on."""
    make = stage(model, name).batches
    assert make is not None
    with torch.no_grad():
        batches = make(draw)
    return batches(torch.Generator().manual_seed(seed), share)


def test_without_kept_clips_there_is_one_stage_of_all_parameters():
    plan = lively_model(small_config(3)).plan
    assert [stage.name for stage in plan.stages] == ["joint"]
    assert plan.stages[0].trains is None and plan.stages[0].batches is None


def test_each_later_stage_trains_its_temporal_parts_and_reaches_them():
    model = trained_alone()
    assert [stage.name for stage in model.plan.stages] == ["joint", "dynamics", "events"]
    for name, levels in (("dynamics", "0"), ("events", "12")):
        one = stage(model, name)
        trained = {n for n, _ in model.named_parameters() if names_one_of(n, one.trains)}
        assert {n.split(".")[1] for n in trained} == set(levels)
        for number, parameter in model.named_parameters():
            parameter.requires_grad_(number in trained)
        model.zero_grad(set_to_none=True)
        batch = batch_of(model, name)
        one.phases[0].objective(batch, generator=torch.Generator()).loss.backward()
        assert {n for n, p in model.named_parameters() if p.grad is not None} == trained


def test_a_single_level_has_no_stage_of_the_levels_above():
    assert [s.name for s in trained_alone(1).plan.stages] == ["joint", "dynamics"]


@pytest.mark.parametrize("name", ["dynamics", "events"])
def test_the_loss_is_what_the_bound_has_for_the_same_clips_and_noise(name):
    model = trained_alone(clips=2, batch_size=2)
    batch = batch_of(model, name)
    found = (
        stage(model, name).phases[0].objective(batch, generator=torch.Generator().manual_seed(5))
    )
    noise = Noise.draw(
        model.config, 2, 12, like=batch.change_estimate, generator=torch.Generator().manual_seed(5)
    )
    video = draw(0, clips=2, frames=12)
    order = torch.randperm(2, generator=torch.Generator().manual_seed(1))
    trace, _ = model.observe(video[order], noise=noise)
    if name == "events":  # decided anew with this noise
        torch.testing.assert_close(found["state_kl"], state_kl(trace, model.config), **CLOSE)
        torch.testing.assert_close(found["event_kl"], event_kl(trace, model.config), **CLOSE)
        whole = state_kl(trace, model.config) + event_kl(trace, model.config)
        torch.testing.assert_close(found.loss, whole.sum(2).mean(), **CLOSE)
    else:  # decided when the clips were kept, so only where no level above has a say
        same = (batch.changed == trace.changed).all(2).cummin(1).values
        expected = state_kl(trace, model.config)[..., 0]
        assert bool(same[:, :3].all())
        torch.testing.assert_close(found["state_kl"][..., 0][same], expected[same], **CLOSE)
        torch.testing.assert_close(found.loss, found["state_kl"].sum(2).mean(), **CLOSE)


@pytest.mark.parametrize("name", ["dynamics", "events"])
def test_the_shares_of_a_batch_are_the_batch(name):
    model = trained_alone()
    objective = stage(model, name).phases[0].objective

    def of(share: Share):
        return objective(
            batch_of(model, name, share=share),
            generator=torch.Generator().manual_seed(3),
            update=Update(number=4),
            execution=Execution(share=share),
        )

    whole = of(WHOLE)
    parts = [of(Share(index=index, count=2)) for index in range(2)]
    assert torch.equal(torch.cat([part.changed for part in parts]), whole.changed)
    found = torch.cat([part["state_kl"] for part in parts])
    torch.testing.assert_close(found, whole["state_kl"], **CLOSE)
    torch.testing.assert_close(sum(part.loss for part in parts) / 2, whole.loss, **CLOSE)


def test_what_is_kept_for_level_1_does_not_depend_on_what_its_stage_trains():
    model = trained_alone()
    before = batch_of(model, "dynamics")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if names_one_of(name, stage(model, "dynamics").trains):
                parameter += 0.3
    after = batch_of(model, "dynamics")
    assert torch.equal(before.changed, after.changed)
    assert torch.equal(before.projected, after.projected)


def kept_clips(model: DynamicLatentHierarchy) -> int:
    """How many different clips the batches are made of."""
    make = stage(model, "dynamics").batches
    assert make is not None
    with torch.no_grad():
        batches = make(draw)
    drawn = [batches(torch.Generator().manual_seed(seed), WHOLE) for seed in range(30)]
    whole = KeptClips.concatenate(drawn, 0)
    return len(whole.top.mean.flatten(1).unique(dim=0))


def test_as_many_clips_are_kept_as_asked_for_or_as_fit():
    assert kept_clips(trained_alone()) == 7
    fits_three = 3.5 * 12 * bytes_per_frame(small_config(3)) / 2**20
    assert kept_clips(trained_alone(megabytes=fits_three)) == 3


def test_the_learning_rate_rises_holds_and_falls_to_nothing():
    rates = [learning_rate(2e-3, done, 1000) for done in (0, 24, 50, 300, 650, 999)]
    assert rates == pytest.approx([4e-5, 1e-3, 2e-3, 2e-3, 1e-3, 2e-3 / 700])


def trained(
    folder: Path, stops: Sequence[int | None]
) -> tuple[dict[str, torch.Tensor], list[dict]]:
    """The weights after three stages, trained with these stops, and the lines of metrics.jsonl."""
    folder.mkdir()
    emergence = EmergenceConfig(
        exploration=1.5, initial_likelihood_std=2.0, anneal_from=2, anneal_until=5
    )
    dynamics = DynamicsConfig(clips=5, clip_length=8, batch_size=4, muon=10.0)
    experiment = tiny()
    network = replace(experiment.model, emergence=emergence, dynamics=dynamics)
    recipe = replace(
        experiment.training,
        steps=6,
        later_steps=(4, 3),
        log_every=1,
        checkpoint_every=100,
        validate_every=0,
        sample_every=0,
    )
    for until in stops:
        torch.manual_seed(0)
        model = DynamicLatentHierarchy(network)
        train(model, MovingBall(experiment.data.ball), recipe, RunFolder(folder), until=until)
    lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
    return model.state_dict(), [json.loads(line) for line in lines]


def test_a_training_that_stops_in_every_stage_equals_an_unbroken_one(tmp_path):
    whole, lines = trained(tmp_path / "whole", [None])
    parts, again = trained(tmp_path / "parts", [3, 6, 8, 10, 11, None])
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert [line.get("stage") for line in lines] == [None] * 6 + ["dynamics"] * 4 + ["events"] * 3
    assert all("dynamics.state_kl.L1" in line for line in lines[6:10])
    assert all("events.event_kl" in line for line in lines[10:])
    for line, other in zip(lines, again, strict=True):
        measured = [name for name in line if "kl" in name or "likelihood" in name]
        assert measured and all(line[name] == other[name] for name in measured)
    stds = [line.get("likelihood_std") for line in lines[:6]]
    assert stds[:3] == [2.0] * 3 and stds[3:5] == pytest.approx([2 ** (2 / 3), 2 ** (1 / 3)])
    assert stds[5] is None
