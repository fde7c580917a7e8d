from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dlh.interfaces import Objective, TrainableModel, Update
from dlh.settings import ConfigError
from dlh.training.checkpoint import read_checkpoint
from dlh.training.errors import NonFiniteError, TrainingError
from dlh.training.loop import train
from dlh.training.randomness import step_generator
from dlh.training.schedule import beta
from dlh.video import from_stored
from refusals import refused
from training.tiny_training import (
    CONFIG,
    TinyModel,
    TinySource,
    assert_same,
    final_metrics,
    new_run,
    train_tiny,
    validate,
    weights,
)


def test_the_model_and_source_of_these_tests_keep_the_contracts() -> None:
    assert isinstance(TinyModel(), TrainableModel)
    whole = TinySource().batch(3, batch_size=5, clip_length=4, seed=1).video
    parts = [
        TinySource().batch(3, batch_size=5, clip_length=4, seed=1, rank=rank, world_size=2).video
        for rank in (0, 1)
    ]
    assert sum(len(part) for part in parts) == len(whole) == 5


@pytest.mark.parametrize("low_steps", [0, 4])
def test_training_is_adam_on_the_loss_of_each_step(low_steps: int, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, steps=6, gradient_norm=0.5, beta_low_steps=low_steps)
    model, slow = TinyModel(), TinyModel()
    train_tiny(new_run(tmp_path / "run"), config, model=model)

    optimizer = torch.optim.Adam(slow.parameters(), lr=1e-2, eps=1e-4)
    for step in range(6):
        clips = TinySource().batch(step, batch_size=3, clip_length=5, seed=0)
        objective = slow.objective(
            from_stored(clips.video),
            generator=step_generator(0, step),
            update=Update(number=step, beta=beta(step, 10, low_steps)),
        )
        optimizer.zero_grad()
        objective.loss.backward()
        torch.nn.utils.clip_grad_norm_(slow.parameters(), 0.5)
        optimizer.step()
    assert_same(weights(model), weights(slow))


def test_clipping_can_be_switched_off(tmp_path: Path) -> None:
    def trained(name: str, norm: float | None) -> dict[str, Tensor]:
        model = TinyModel()
        config = dataclasses.replace(CONFIG, steps=2, gradient_norm=norm)
        train_tiny(new_run(tmp_path / name), config, model=model)
        return weights(model)

    off, loose, tight = trained("off", None), trained("loose", 1e6), trained("tight", 1e-4)
    assert_same(off, loose)
    assert not torch.equal(off["encoder.weight"], tight["encoder.weight"])


def test_the_lines_of_metrics_are_means_at_the_steps_asked_for(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    seen: list[dict[str, Any]] = []
    result = train_tiny(run, on_log=seen.append)
    lines = run.metrics.read()
    assert seen == lines
    trained = [line for line in lines if "loss" in line]
    held_out = [line for line in lines if "validation.loss" in line]
    assert len(trained) + len(held_out) == len(lines)
    assert [line["step"] for line in trained] == [3, 6, 9, 12, 14]
    assert [line["step"] for line in held_out] == [5, 10, 14]
    assert trained[0]["beta"] == pytest.approx((0.0 + 0.1 + 0.2) / 3)
    assert trained[-1]["beta"] == 1.0
    for line in trained:
        assert line["state_kl"] == pytest.approx(
            line["state_kl.L1"] + line["state_kl.L2"], rel=1e-5
        )
        assert line["event_kl.L1"] == 0 < line["event_kl.L2"]
        assert 1 <= line["mean_depth"] <= 2 and 0 <= line["data_wait"] <= 1
        assert line["gradient_norm"] > 0 and line["steps_per_second"] > 0
    seconds = [line["seconds"] for line in trained]
    assert seconds == sorted(seconds) and seconds[-1] <= result.train_seconds
    cores = [line["cpu_seconds"] for line in trained]
    assert cores[0] > 0 and cores == sorted(cores) and cores[-1] == result.cpu_seconds
    assert [line["frames"] for line in trained] == [15 * step for step in (3, 6, 9, 12, 14)]
    assert result.frames == 15 * 14
    assert result.validation == {
        "loss": held_out[-1]["validation.loss"],
        "draw": validate(TinyModel(), 14)["draw"],
        "elbo": -held_out[-1]["validation.loss"],
    }
    assert result.validation_seconds == held_out[-1]["validation_seconds"] > 0
    assert (result.step, result.resumed_from, result.message) == (14, None, None)


def test_validation_does_not_reach_the_training(tmp_path: Path) -> None:
    def vandal(model: TinyModel, step: int) -> dict[str, float]:
        assert not model.training and not torch.is_grad_enabled()
        torch.manual_seed(step)
        np.random.default_rng().random()
        return {"found": float(step)}

    left, right = new_run(tmp_path / "left"), new_run(tmp_path / "right")
    models = [TinyModel(), TinyModel()]
    train_tiny(left, model=models[0], validate=vandal)
    train_tiny(right, model=models[1], validate=None)
    assert_same(weights(models[0]), weights(models[1]))
    trained = [line for line in final_metrics(left) if "loss" in line]
    assert trained == final_metrics(right)
    assert models[0].training


class BreaksAt(TinyModel):
    """From its call number ``call`` on, one term, or the gradient alone, is not finite."""

    def __init__(self, *, call: int, term: str) -> None:
        super().__init__()
        self.calls, self.call, self.term = 0, call, term

    def weighed(self, terms: dict[str, Tensor], *others: Any) -> Objective:
        self.calls += 1
        if self.calls < self.call:
            return super().weighed(terms, *others)
        if self.term == "gradient":  # the square root at 0 has a value, but no slope
            endless = (self.decoder[0].bias * 0).sum().square().sqrt()
            spoiled = {"reconstruction": terms["reconstruction"] + endless}
        else:
            factor = torch.ones_like(terms["state_kl"])
            factor[0, 0, 1] = math.nan
            spoiled = {self.term: terms[self.term] * factor}
        return super().weighed(terms | spoiled, *others)


@pytest.mark.parametrize("term,level", [("state_kl", 2), ("event_kl", 2), ("gradient", None)])
def test_what_is_not_finite_is_refused_before_the_update(
    tmp_path: Path, term: str, level: int | None
) -> None:
    config = dataclasses.replace(CONFIG, checkpoint_every=100, validate_every=0)
    run, good = new_run(tmp_path / "run"), TinyModel()
    train_tiny(new_run(tmp_path / "good"), dataclasses.replace(config, steps=6), model=good)
    model = BreaksAt(call=7, term=term)
    with refused(NonFiniteError, 7) as raised:
        train_tiny(run, config, model=model, validate=None)
    assert (raised.value.step, raised.value.term, raised.value.level) == (7, term, level)
    assert_same(weights(model), weights(good))
    assert_same(
        dict(read_checkpoint(run.checkpoints / "step-0000006.pt")["model"]), dict(weights(good))
    )
    assert run.status().state == "failed" and "step 7: " in run.status().message
    assert all(line["step"] <= 6 for line in run.metrics.read())


def test_a_loss_that_is_not_finite_at_the_first_step_is_refused_too(tmp_path: Path) -> None:
    run, model = new_run(tmp_path / "run"), BreaksAt(call=1, term="state_kl")
    before = weights(model)
    with refused(NonFiniteError, 1, "state_kl.L2", "nan", 0):
        train_tiny(run, model=model)
    assert_same(weights(model), before)


def test_frames_of_another_size_are_refused(tmp_path: Path) -> None:
    class Larger(TinySource):
        frame_shape = (3, 8, 8)

    with refused(TrainingError, (1, 4, 4), (3, 8, 8), "tiny rows"):
        train(TinyModel(), Larger(), CONFIG, new_run(tmp_path / "run"))


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    class Floor:
        frame_shape = TinySource.frame_shape

    floor: Any = Floor()
    with refused(TrainingError, "Floor"):
        train(floor, TinySource(), CONFIG, new_run(tmp_path / "run"))
    frozen = TinyModel().requires_grad_(False)
    with refused(TrainingError, "TinyModel"):
        train(frozen, TinySource(), CONFIG, new_run(tmp_path / "other"))


def test_a_person_sees_where_it_runs_and_how_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    train_tiny(new_run(tmp_path / "run"), dataclasses.replace(CONFIG, device="auto"))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(
        "training on cpu with 1 thread; no CUDA device was found; float32, channels last\n"
        "step 3/14  loss"
    )
    assert "step 14 held out:  loss" in err


def test_minutes_end_a_training_after_a_last_validation(tmp_path: Path) -> None:
    def validate(model: TinyModel, step: int) -> dict[str, float]:
        return {"elbo": float(step)}

    run, config = new_run(tmp_path / "run"), dataclasses.replace(CONFIG, minutes=1e-9)
    result = train_tiny(run, config, validate=validate)
    assert result.step == 1 and result.validation == {"elbo": 1.0}
    status = run.status()
    assert (status.state, status.step, status.steps) == ("finished", 1, config.steps)
    assert (run.checkpoints / "best.pt").exists()
    assert train_tiny(run, config, validate=validate).step == 1
    unlimited = dataclasses.replace(config, minutes=0.0)
    assert train_tiny(run, unlimited, validate=validate).step == config.steps
    with refused(ConfigError, -1):
        dataclasses.replace(config, minutes=-1.0)


def test_patience_ends_a_training_that_explains_held_out_clips_no_better(tmp_path: Path) -> None:
    bounds = {2: -5.0, 4: -3.0, 6: -4.0, 8: -4.0, 10: -4.0}
    asked = []

    def falling(model: TinyModel, step: int) -> dict[str, float]:
        asked.append(step)
        return {"elbo": bounds[step]}

    settings = {"validate_every": 2, "beta_warmup_steps": 0, "patience": 3}
    config = dataclasses.replace(CONFIG, **settings)
    run = new_run(tmp_path / "run")
    result = train_tiny(run, config, validate=falling)
    assert result.step == 10 and asked == [2, 4, 6, 8, 10]
    status = run.status()
    assert (status.state, status.step, status.steps) == ("finished", 10, config.steps)
    assert "step 4" in status.message
    assert train_tiny(run, config, validate=falling).step == 10 and len(asked) == 5
    with refused(ConfigError, 3):
        dataclasses.replace(config, later_steps=(5,))
