from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from dlh.commands.train import start
from dlh.distributions import frame_log_prob
from dlh.runs.presets import moving_ball
from dlh.training.errors import Interrupted
from dlh.training.schedule import beta, learning_rate_factor
from refusals import holds
from reproduction.catalogue import first_recipe
from reproduction.sweep import Swept, as_table, at_best_std, of_length

SMALL = ("--steps", 4, "--threads", 1)


@pytest.fixture(autouse=True)
def no_page(monkeypatch):
    """Of a run's page a sweep wants the summary alone."""

    def summary(trained) -> dict:
        std = trained.experiment.model.likelihood_std
        found = {
            "steps": trained.progress.step,
            "mean_depth": 1.5,
            "events": {"precision": std, "recall": 1.0},
            "psnr": {"model_best": 20.0 - std},
        }
        trained.run.write_json("summary.json", found)
        return found

    monkeypatch.setattr("dlh.commands.train.show", summary)
    monkeypatch.setattr("dlh.commands.train.describe", lambda summary, folder: [])


def test_the_error_and_the_bound_at_its_best_std_are_known_from_the_bound():
    generator = torch.Generator().manual_seed(0)
    video = torch.rand(1, 1, 3, 4, 4, generator=generator)
    mean = video + 0.3 * torch.randn(video.shape, generator=generator)
    error = float((video - mean).square().mean().sqrt())
    nats = 2.5
    best = float(frame_log_prob(video, mean, error)) - nats
    for std in (0.1, 1.0):
        elbo = float(frame_log_prob(video, mean, std)) - nats
        assert elbo <= best
        found = at_best_std(elbo, nats, std=std, values=48)
        assert found == (pytest.approx(error, rel=1e-4), pytest.approx(best, rel=1e-4))


def test_a_perfect_picture_has_a_bound_that_is_finite():
    values = 48
    elbo = -values * (math.log(0.1) + 0.5 * math.log(2 * math.pi))
    error, best = at_best_std(elbo, 0.0, std=0.1, values=values)
    assert error == 1e-4 and math.isfinite(best) and best > elbo


def test_a_sweep_is_one_table_of_several_runs(reproduce):
    answer = reproduce("sweep", "tiny", "--std", 0.2, 1.0, *SMALL)
    assert answer.status == 0, answer.err
    table = json.loads(Path("runs/sweep/sweep.json").read_text("utf-8"))
    assert [row["std"] for row in table] == [0.2, 1.0] and {row["steps"] for row in table} == {4}
    for row in table:
        experiment = json.loads(
            Path(f"runs/sweep/std-{row['std']:g}/experiment.json").read_text("utf-8")
        )["experiment"]
        assert experiment["model"]["likelihood_std"] == row["std"]
        assert row["precision"] == row["std"] and 0 < row["pixel_error"] < 1
        assert row["best_std_elbo"] >= row["elbo"]
    assert "pixel error" in answer.out and "1.000*" in answer.out
    before = Path("runs/sweep/std-1/metrics.jsonl").read_bytes()
    again = reproduce("sweep", "tiny", "--std", 0.2, 1.0, *SMALL)
    assert again.status == 0 and holds(again.out, "finished", 4)
    assert Path("runs/sweep/std-1/metrics.jsonl").read_bytes() == before
    other = reproduce("sweep", "tiny", "--std", 0.2, 1.0, "--seed", 3, *SMALL)
    assert other.status == 2 and other.names("runs/sweep/std-0.2")


def test_the_schedules_of_a_shorter_run_are_in_proportion(reproduce, monkeypatch):
    swept = []
    monkeypatch.setattr("reproduction.sweep.run_sweep", lambda given, *_, **__: swept.append(given))
    answer = reproduce("sweep", "moving-ball")
    assert answer.status == 0, answer.err
    assert holds(answer.out, 1_000, 250, 850, 212, 500, 125)
    preset = moving_ball()
    training, whole = swept[0].training, preset.training
    assert (training.steps, training.later_steps) == (250, (375, 50))
    emergence = swept[0].model.emergence
    assert 4 * emergence.memory_from == preset.model.emergence.memory_from
    assert 4 * emergence.anneal_until == pytest.approx(preset.model.emergence.anneal_until, abs=3)
    # The last update sees the same share of the divergences, the first cooled one comes at the
    # same share of the way.
    assert beta(249, training.beta_warmup_steps) == pytest.approx(
        beta(999, whole.beta_warmup_steps), abs=0.01
    )
    for done in (0.2, 0.5, 0.9):
        rates = [
            learning_rate_factor(
                round(done * each.steps), steps=each.steps, cooldown_steps=each.cooldown_steps
            )
            for each in (training, whole)
        ]
        assert rates[0] == pytest.approx(rates[1], abs=0.01)
    assert reproduce("sweep", "moving-ball", "--steps", 1_000).out == ""
    assert (swept[1].training, swept[1].model.emergence) == (whole, preset.model.emergence)


def test_a_shorter_run_compares_its_starts_earlier():
    experiment = first_recipe()
    assert of_length(experiment, 200).training.start_steps == 75
    assert of_length(experiment, 1).training.start_steps == 1


def test_a_sweep_that_is_stopped_goes_on_with_the_same_command(reproduce, monkeypatch):
    real, begun = start, []

    def stopped(experiment, folder, **options):
        begun.append(folder.name)
        if len(begun) == 2:
            stop = Interrupted(folder=folder, step=3)
            stop.add_note("there is no best model")
            raise stop
        real(experiment, folder, **options)

    monkeypatch.setattr("reproduction.sweep.start", stopped)
    words = ("sweep", "tiny", "--std", 0.2, 1.0, "--steps", 1, "--threads", 1)
    answer = reproduce(*words)
    assert (answer.status, answer.err.splitlines()[-1]) == (
        130,
        "dlh: interrupted: everything up to step 3 of runs/sweep/std-1 is saved; give the same "
        "command again to go on; there is no best model",
    )
    answer = reproduce(*words)
    assert answer.status == 0 and begun == ["std-0.2", "std-1", "std-1"]


def test_standard_deviations_that_are_nearly_the_same_have_runs_of_their_own(reproduce):
    answer = reproduce("sweep", "tiny", "--std", 0.1, 0.10000001, "--steps", 1, "--threads", 1)
    assert answer.status == 0, answer.err
    for name in ("0.1", "0.10000001"):
        saved = json.loads(Path(f"runs/sweep/std-{name}/experiment.json").read_text("utf-8"))
        assert saved["experiment"]["model"]["likelihood_std"] == float(name)
        assert f"\n{name:>10}  " in answer.out


def test_what_is_not_known_is_a_dash_and_the_best_is_marked():
    row = {
        "steps": 1,
        "elbo": -5.0,
        "pixel_error": 0.2,
        "best_std_elbo": -4.0,
        "state_kl": 1.0,
        "mean_depth": None,
        "precision": None,
        "recall": None,
    }
    table = list(as_table([Swept(std=1.0, psnr=10.0, **row), Swept(std=0.1, psnr=12.0, **row)]))
    assert "10.00 " in table[1] + " " and table[2].endswith("12.00*") and " - " in table[1]


@pytest.mark.parametrize(
    "words, said",
    [
        ("tiny --std 0.1", "a sweep compares two or more different standard deviations, found 0.1"),
        ("tiny --std 0.1 0.1", "two or more different"),
        ("tiny --std 0.1 -1", "likelihood_std is a finite number above 0, found -1.0"),
        ("tiny --steps 0", "steps is at least 1, found 0"),
        ("tinny", "there is no preset 'tinny'; did you mean tiny?"),
        ("videos", "the preset videos needs its data"),
    ],
)
def test_what_cannot_be_is_one_line(reproduce, words, said):
    answer = reproduce("sweep", *words.split())
    assert answer.status == 2 and said in answer.line
    assert not list(Path().rglob("sweep.json"))
