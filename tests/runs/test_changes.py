"""Going on with a run under other settings: which may change, what is refused, what is recorded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from dlh.commands.train import resume, start
from dlh.errors import UsageError
from dlh.runs import presets
from dlh.runs.changes import MAY_CHANGE, changed_settings, take_over
from dlh.runs.experiment import Experiment, _digest, read_snapshot
from dlh.training.config import TrainingConfig
from dlh.training.errors import RunFolderError
from dlh.training.run import RunFolder
from refusals import holds, refused

QUIET = {"say": lambda line: None}


def tiny(**settings) -> Experiment:
    experiment = presets.preset("tiny")
    changed = {"steps": 4, "validate_every": 2, "checkpoint_every": 2, "log_every": 1}
    changed["speed"] = "plain"  # what "auto" becomes is for the hardware to say
    return with_training(experiment, **(changed | settings))


def with_training(experiment: Experiment, **settings) -> Experiment:
    return replace(experiment, training=replace(experiment.training, **settings))


@pytest.fixture(scope="module")
def of_four(tmp_path_factory) -> Path:
    """A finished run of four steps."""
    folder = tmp_path_factory.mktemp("changes") / "run"
    start(tiny(), folder, present=False, **QUIET)
    return folder


@pytest.fixture
def run(of_four: Path, tmp_path: Path) -> RunFolder:
    """A copy of it, to be changed."""
    return RunFolder(Path(shutil.copytree(of_four, tmp_path / "run")))


def asking(**settings) -> Callable[[Experiment], Experiment]:
    return lambda saved: with_training(saved, **settings)


def history(run: RunFolder) -> list[dict]:
    return run.read_json("experiment.json")["history"]


def test_the_settings_that_differ_are_found_by_dotted_name():
    asked = replace(tiny(steps=9), init="somewhere")
    assert changed_settings(tiny(), tiny()) == {}
    assert changed_settings(tiny(), asked) == {
        "training.steps": (4, 9),
        "init": (None, "somewhere"),
    }


def test_what_may_change_are_settings_there_are():
    there = {f"training.{field.name}" for field in fields(TrainingConfig)}
    assert set(MAY_CHANGE) <= there


@pytest.mark.usefixtures("not_shown")
def test_a_longer_run_goes_on_from_its_checkpoint_and_equals_one_that_was_that_long(run, tmp_path):
    said: list[str] = []
    resume(run.path, change=asking(steps=8), say=said.append)
    assert any(holds(line, "training.steps", 8, 4) for line in said)
    start(tiny(steps=8), tmp_path / "whole", **QUIET)
    weights = [folder / "model.safetensors" for folder in (run.path, tmp_path / "whole")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    trained = [entry["step"] for entry in run.metrics.read() if "loss" in entry]
    assert trained == [1, 2, 3, 4, 5, 6, 7, 8]  # the first four were not done again
    assert run.status().step == 8
    (change,) = history(run)
    assert change["step"] == 4 and change["changed"] == {"training.steps": {"from": 4, "to": 8}}
    assert change["time"] > 1e9


@pytest.mark.usefixtures("not_shown")
def test_a_resumed_run_knows_what_was_changed_before(run):
    resume(run.path, change=asking(steps=5), **QUIET)
    resume(run.path, change=asking(steps=6, log_every=2), **QUIET)
    resume(run.path, **QUIET)
    assert read_snapshot(run) == tiny(steps=6, log_every=2)
    assert [set(change["changed"]) for change in history(run)] == [
        {"training.steps"},
        {"training.steps", "training.log_every"},
    ]


@pytest.mark.usefixtures("not_shown")
def test_what_only_watches_may_change_and_reaches_no_weight(run, of_four, tmp_path):
    settings = {"log_every": 2, "validate_every": 3, "checkpoint_every": 1, "held_out_clips": 2}
    resume(run.path, change=asking(steps=6, **settings, sample_every=0), **QUIET)
    start(tiny(steps=6), tmp_path / "whole", **QUIET)
    weights = [folder / "model.safetensors" for folder in (run.path, tmp_path / "whole")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.usefixtures("not_shown")
def test_nothing_changed_is_nothing_written(run):
    before = (run.path / "experiment.json").read_bytes()
    assert take_over(run, tiny(), tiny()) == []
    resume(run.path, change=lambda saved: saved, **QUIET)
    assert (run.path / "experiment.json").read_bytes() == before


@pytest.mark.parametrize(
    "change, found",
    [
        (
            lambda e: with_training(e, batch_size=5),
            ("training.batch_size", 4, 5),
        ),
        (
            lambda e: with_training(e, learning_rate=0.5, seed=3, steps=9),
            ("training.learning_rate", 0.5, "training.seed", 0, 3),
        ),
        (
            lambda e: replace(e, model=replace(e.model, state_size=5)),
            ("model.state_size", 4, 5),
        ),
        (
            lambda e: replace(e, data=replace(e.data, ball=replace(e.data.ball, speed=1.0))),
            ("data.ball.speed", 3.0, 1.0),
        ),
        (
            lambda e: replace(e, init="other"),
            ("init", None, "other"),
        ),
        (lambda e: with_training(e, steps=3), (4, "--steps 3")),
    ],
)
def test_what_may_not_change_is_refused_by_name_and_nothing_is_changed(run, change, found):
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with refused(UsageError, *found) as at:
        resume(run.path, change=change, **QUIET)
    if "--steps 3" not in found:  # then: what may change, and how to begin with its weights
        assert holds(str(at.value), "training.steps", "training.later-steps", f"--init {run.path}")
    assert "\n" not in str(at.value)
    after = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert {path for path in after if after[path] != before.get(path)} <= {run.path / ".lock"}


def test_a_run_without_checkpoints_cannot_be_made_longer(run):
    shutil.rmtree(run.checkpoints)
    with refused(UsageError, 9):
        resume(run.path, change=asking(steps=9), **QUIET)


@pytest.mark.usefixtures("not_shown")
def test_the_best_checkpoint_is_enough_to_go_on_from(run):
    for path in run.checkpoints.glob("step-*"):
        path.unlink()
    resume(run.path, change=asking(steps=6), **QUIET)
    assert run.status().state == "finished" and run.status().step == 6


@pytest.mark.usefixtures("not_shown")
def test_a_learning_rate_that_had_begun_to_fall_is_said_to_rise_again(tmp_path):
    start(tiny(cooldown_steps=2), tmp_path / "run", **QUIET)
    said: list[str] = []
    resume(tmp_path / "run", change=asking(steps=6), say=said.append)
    assert any(holds(line, 500, 2, 6) for line in said)
    assert not any("rewarm" in line for line in said)
    saved = read_snapshot(RunFolder.open(tmp_path / "run")).training
    assert (saved.rewarm_from, saved.steps_before, saved.steps) == (4, 4, 6)
    resume(tmp_path / "run", change=asking(steps=8), **QUIET)
    saved = read_snapshot(RunFolder.open(tmp_path / "run")).training
    assert (saved.rewarm_from, saved.steps_before, saved.steps) == (6, 6, 8)
    with refused(UsageError, "training.rewarm_from", 6, 2):
        resume(tmp_path / "run", change=asking(rewarm_from=2), **QUIET)


@pytest.mark.usefixtures("not_shown")
def test_a_learning_rate_that_had_not_begun_to_fall_goes_on_as_it_was(run):
    resume(run.path, change=asking(steps=9), **QUIET)
    assert read_snapshot(run).training.rewarm_from == 0


def test_the_clips_that_starts_are_compared_on_stay(tmp_path):
    run = RunFolder.create(tmp_path / "run")
    saved = tiny(starts=2, start_steps=2)
    asked = with_training(saved, held_out_clips=3)
    with refused(UsageError, "held_out_clips", 2):
        take_over(run, saved, asked)
    run.write_json("starts.json", {"tried": [], "margin": 0.0})
    run.write_json("experiment.json", {"version": 1})
    assert take_over(run, saved, asked) == [
        "training.held_out_clips is 3 from now on; it was " + (str(saved.training.held_out_clips))
    ]


@pytest.mark.usefixtures("not_shown")
def test_a_run_from_before_a_setting_was_there_goes_on(run):
    saved = run.read_json("experiment.json")
    for name in ("rewarm_from", "steps_before"):
        assert saved["experiment"]["training"].pop(name) == 0
    saved["experiment_sha256"] = _digest(saved["experiment"])
    (run.path / "experiment.json").write_text(json.dumps(saved))
    resume(run.path, change=asking(steps=9), **QUIET)
    assert run.status().step == 9 and read_snapshot(run).training.steps == 9
    saved = run.read_json("experiment.json")
    del saved["experiment"]["training"]["learning_rate"]
    saved["experiment_sha256"] = _digest(saved["experiment"])
    (run.path / "experiment.json").write_text(json.dumps(saved))
    with refused(RunFolderError, "learning_rate"):
        read_snapshot(run)


def test_an_experiment_that_was_edited_by_hand_is_refused_and_says_how_to_change_it(run):
    saved = run.read_json("experiment.json")
    saved["experiment"]["training"]["steps"] = 9
    (run.path / "experiment.json").write_text(json.dumps(saved))
    with refused(RunFolderError, "dlh train --resume"):
        resume(run.path, **QUIET)
