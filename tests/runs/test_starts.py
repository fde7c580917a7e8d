"""Several starts of one run: the best goes on, and is the run that its seed alone would give."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dlh.commands.train import resume, start
from dlh.runs import presets, starts
from dlh.runs.experiment import Experiment
from dlh.runs.starts import STARTS, Start, Starts, of_seed, read_starts, seeds
from dlh.settings import ConfigError
from dlh.training.config import TrainingConfig
from dlh.training.errors import Interrupted, RunFolderError
from dlh.training.iteration import Iterations
from dlh.training.run import RunFolder
from refusals import holds, refused


def tiny(**settings) -> Experiment:
    experiment = presets.preset("tiny")
    changed = {"steps": 6, "validate_every": 2, "checkpoint_every": 2, "log_every": 1}
    return replace(experiment, training=replace(experiment.training, **(changed | settings)))


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


def steps_logged(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [entry["step"] for entry in map(json.loads, lines) if "loss" in entry]


@pytest.fixture(scope="module")
def of_three(tmp_path_factory):
    folder = tmp_path_factory.mktemp("starts") / "run"
    said = []
    start(tiny(seed=2, starts=3, start_steps=3), folder, say=said.append)
    return folder, said


def test_the_start_with_the_highest_bound_goes_on(of_three):
    folder, said = of_three
    tried = read_starts(RunFolder(folder)).tried
    assert [one.seed for one in tried] == [6, 7, 8]
    assert len({one.elbo for one in tried}) == 3
    best = max(tried, key=lambda one: one.elbo)
    assert all(1 < one.mean_depth < 2 for one in tried)
    saved = json.loads((folder / STARTS).read_text())
    assert saved["chosen"] == best.seed
    assert sum(line.startswith("start ") for line in said) == 3
    assert any(holds(line.partition("; ")[2], best.seed) for line in said)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["starts"]["chosen"] == best.seed
    assert summary["starts"]["elbo"][str(best.seed)] == best.elbo
    assert summary["starts"]["mean_depth"][str(best.seed)] == best.mean_depth
    assert summary["seconds"]["train"] > sum(one.train_seconds for one in tried)
    assert summary["cpu_seconds"] > sum(one.cpu_seconds for one in tried)
    assert summary["frames"] == (6 + 2 * 3) * 4 * 10  # the starts that were given up count too


def test_of_bounds_about_as_high_the_one_goes_on_whose_levels_change_the_most():
    def started(seed, elbo, mean_depth):
        return Start(
            seed=seed, elbo=elbo, mean_depth=mean_depth, train_seconds=1.0, validation_seconds=1.0
        )

    tried = (started(0, -20.0, 1.9), started(1, -15.0, 1.19), started(2, -16.0, 1.23))
    assert Starts(tried=tried, margin=0.0).chosen == 1
    assert Starts(tried=tried, margin=1.5).chosen == 2  # seed 0 costs too much
    assert Starts(tried=tried, margin=5.0).chosen == 0


@pytest.mark.usefixtures("not_shown")
def test_the_rest_of_the_run_is_that_of_its_seed_alone(of_three, tmp_path):
    folder, _ = of_three
    chosen = read_starts(RunFolder(folder)).chosen
    alone = tmp_path / "alone"
    start(tiny(seed=chosen), alone, say=lambda line: None)
    assert weights(folder) == weights(alone)
    assert steps_logged(folder) == steps_logged(alone) == [1, 2, 3, 4, 5, 6]
    assert not (folder / "starts").exists()


@pytest.mark.usefixtures("not_shown")
@pytest.mark.parametrize("calls", [4, 11])
def test_a_run_stopped_among_its_starts_goes_on_there(of_three, tmp_path, monkeypatch, calls):
    """Stopped in the second start, and after the choice."""
    folder, _ = of_three
    experiment = tiny(seed=2, starts=3, start_steps=3)
    made, run = [], Iterations.run

    def stopping(*arguments, **keywords):
        made.append(1)
        if len(made) == calls:
            raise KeyboardInterrupt
        return run(*arguments, **keywords)

    again = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Iterations, "run", stopping)
        with pytest.raises(Interrupted) as stopped:
            start(experiment, again, say=lambda line: None)
    assert stopped.value.folder == again
    assert RunFolder(again).status().state == "interrupted"
    resume(again, say=lambda line: None)
    assert weights(again) == weights(folder)
    assert steps_logged(again) == steps_logged(folder)
    assert RunFolder(again).status().state == "finished"


@pytest.mark.usefixtures("not_shown")
@pytest.mark.parametrize("moved", [0, 2])
def test_a_kill_while_the_best_start_is_moved_loses_nothing(of_three, tmp_path, monkeypatch, moved):
    folder, _ = of_three
    again = tmp_path / "run"
    done, move = [], starts.os.replace

    def dying(source, target):
        if len(done) == moved:
            raise SystemExit("killed")
        done.append(target)
        move(source, target)

    class Dying:
        replace = staticmethod(dying)

    with monkeypatch.context() as patch:
        patch.setattr(starts, "os", Dying)
        with pytest.raises(SystemExit):
            start(tiny(seed=2, starts=3, start_steps=3), again, say=lambda line: None)
    resume(again, say=lambda line: None)
    assert weights(again) == weights(folder)
    assert steps_logged(again) == steps_logged(folder)


def test_seeds_of_different_runs_do_not_meet():
    assert list(seeds(tiny(seed=0, starts=3, start_steps=1))) == [0, 1, 2]
    assert list(seeds(tiny(seed=1, starts=3, start_steps=1))) == [3, 4, 5]
    assert list(seeds(tiny(seed=5))) == [5]
    assert of_seed(tiny(seed=1, starts=3, start_steps=1), 4).training.seed == 4


@pytest.mark.parametrize(
    "settings, found",
    [
        ({"starts": 0}, ("starts", 1, 0)),
        ({"starts": 2}, ("start_steps", 1, 2, 0)),
        ({"starts": 2, "start_steps": 9, "steps": 8}, ("start_steps", 8, 2, 9)),
        ({"starts": 2, "start_steps": 9, "held_out_clips": 0}, ("held_out_clips", 2, 0)),
    ],
)
def test_what_cannot_be_compared_is_refused(settings, found):
    with refused(ConfigError, *found):
        TrainingConfig(**settings)


def test_a_damaged_record_of_the_starts_is_one_clear_error(tmp_path):
    run = RunFolder.create(tmp_path / "run")
    run.write_json(STARTS, {"tried": [{"seed": 1}]})
    with refused(RunFolderError, "starts.json"):
        read_starts(run)
