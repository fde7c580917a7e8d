"""Models of every kind side by side on a stochastic ball: untrained, of the tiny presets."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from dlh.pretrained.files import write_model
from dlh.runs.build import build_model, open_source
from dlh.runs.experiment import Experiment, write_snapshot
from dlh.runs.presets import preset
from dlh.runs.subject import open_subject
from dlh.training.run import RunFolder
from reproduction import comparison, scored
from reproduction.scored import AS_LEARNT, Asked

KINDS = {
    "dlh": "tiny",
    "flat": "tiny-flat",
    "vta": "tiny-vta",
    "cwvae": "tiny-cwvae",
    "lmc": "tiny-lmc",
}
LITTLE = (
    *("--context", 12, "--horizon", 16, "--samples", 3, "--clips", 3),
    *("--num-processes", 1),
)
CHANCE = 0.3


def of_preset(name: str, *, chance: float = CHANCE) -> Experiment:
    experiment = preset(name)
    ball = dataclasses.replace(experiment.data.ball, colour_change_probability=chance)
    return dataclasses.replace(experiment, data=dataclasses.replace(experiment.data, ball=ball))


def make_run(path: Path, experiment: Experiment, **summary) -> None:
    """A run as training leaves it, without the training."""
    path.mkdir(parents=True)
    write_model(path, build_model(experiment))
    run = RunFolder(path)
    write_snapshot(run, experiment, open_source(experiment))
    run.metrics.append({"step": 10, "loss": 1.0, "seconds": 5.0, "cpu_seconds": 4.0, "frames": 400})
    run.write_json("summary.json", {"steps": 20, "seconds": {"train": 10.0}, **summary})


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for kind, name in KINDS.items():
        counted = {"cpu_seconds": 8.0, "frames": 1200} if kind == "dlh" else {}
        make_run(folder / kind, of_preset(name), **counted)
    return folder


@pytest.fixture(scope="module")
def compared(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    out = tmp_path_factory.mktemp("compared")
    asked = Asked(context=12, horizon=16, samples=3, clips=3, processes=1)
    folders = {kind: runs / kind for kind in KINDS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dlh.runs.temperature.CLIPS", 2)
        return out, comparison.compare_models(folders, out, asked, say=lambda line: None)


def test_all_models_are_scored_on_the_same_frames(compared):
    out, numbers = compared
    assert json.loads((out / "comparison.json").read_text()) == numbers
    assert list(numbers["models"]) == list(KINDS)
    assert numbers["protocol"]["context"] == 12 and numbers["protocol"]["horizon"] == 16
    assert numbers["colour_change_probability"] == CHANCE
    saved = [json.loads((out / kind / AS_LEARNT / "scores.json").read_text()) for kind in KINDS]
    frames = {scores["protocol"]["data"]["truth_sha256"] for scores in saved}
    assert frames == {numbers["protocol"]["data"]["truth_sha256"]}
    truths = {
        (found["world"]["true_clear"], found["world"]["true_switch_rate"])
        for model in numbers["models"].values()
        for found in model["at"].values()
    }
    assert len(truths) == 1 and truths.pop()[1] > 0.1


def test_each_model_has_its_scores_and_what_applies_to_it(compared):
    _, numbers = compared
    for kind, model in numbers["models"].items():
        network = build_model(of_preset(KINDS[kind]))
        assert model["kind"] == kind and model["preset"] == KINDS[kind]
        assert model["parameters"] == sum(each.numel() for each in network.parameters())
        found = model["at"][AS_LEARNT]
        assert found["scores"]["psnr"]["best"] >= found["scores"]["psnr"]["mean"] > 0
        assert found["floors"]["black"]["psnr"]["best"] > 0
        assert found["samples"] == (1 if kind == "lmc" else 3)
        assert 0 <= found["tracking"]["median_steps_mean"] <= found["tracking"]["median_steps_best"]
        assert (model["events"] is not None) == (kind in ("dlh", "vta"))
        tried = [one["states"] for one in model["temperature"]["tried"]]
        assert tried == [1.0] if kind == "lmc" else len(tried) >= 5
        assert (model["seed"], model["learning_rate"]) == (
            (recipe := of_preset(KINDS[kind]).training).seed,
            recipe.learning_rate,
        )
    steps = numbers["ideal_observer"]
    assert 0 < steps["median_steps_mean"] <= steps["median_steps_best"] <= 16


def test_the_settings_that_train_a_model_again_lie_beside_its_scores(compared, runs):
    out, _ = compared
    for kind in KINDS:
        kept = json.loads((out / kind / "experiment.json").read_text())
        assert kept == json.loads((runs / kind / "experiment.json").read_text())


def test_what_a_training_took_is_counted_or_computed(compared):
    _, numbers = compared
    trainings = {kind: model["training"] for kind, model in numbers["models"].items()}
    assert trainings["dlh"]["cpu_seconds"] == 8.0 and trainings["dlh"]["frames"] == 1200
    assert trainings["dlh"]["seconds_a_step"] == 0.5 and trainings["dlh"]["steps"] == 20
    assert trainings["dlh"]["cpu_seconds_a_step"] == 0.4
    recipe = preset("tiny-cwvae").training
    frames = recipe.steps * recipe.batch_size * recipe.clip_length
    assert trainings["cwvae"]["frames"] == frames and trainings["cwvae"]["cpu_seconds"] is None


def test_a_training_that_goes_on_from_a_run_counts_what_that_took(runs):
    longer = runs / "longer"
    init = dataclasses.replace(of_preset("tiny"), init=str(runs / "dlh"))
    make_run(longer, init, cpu_seconds=5.0, frames=800)
    found = scored.training_of(longer, open_subject(str(longer)))
    assert (found["cpu_seconds"], found["frames"], found["steps"]) == (13.0, 2000, 40)
    (runs / "dlh").rename(runs / "moved")  # nobody knows any more what that took
    try:
        unknown = scored.training_of(longer, open_subject(str(longer)))
    finally:
        (runs / "moved").rename(runs / "dlh")
    assert unknown["cpu_seconds"] is None and unknown["steps"] == 20
    (longer / "summary.json").unlink()  # as of a run whose page was not made
    unmeasured = scored.training_of(longer, open_subject(str(longer)))
    assert (unmeasured["cpu_seconds"], unmeasured["seconds"], unmeasured["steps"]) == (
        12.0,
        15.0,
        30,
    )
    stage = {"step": 40, "stage": "dynamics", "seconds": 9.0, "cpu_seconds": 7.0, "frames": 900}
    RunFolder(longer).metrics.append(stage)
    later = scored.training_of(longer, open_subject(str(longer)))
    assert (later["cpu_seconds"], later["seconds"], later["steps"]) == (15.0, 19.0, 60)
    assert later["cpu_seconds_a_step"] == 0.4
    shutil.rmtree(longer)


def test_the_page_shows_every_model_the_floors_once_and_events_of_those_that_decide(compared):
    out, _ = compared
    page = (out / "comparison.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    titles = [row[0] for row in rows]
    for kind in KINDS:
        assert titles.count(kind) >= 3  # training, scores, ball
    assert titles.count("floor: black frame") == 1 and titles.count("ideal observer") == 1
    assert {title.partition(":")[0] for title in titles if ": level 2" in title} == {"dlh", "vta"}
    trainings = rows[1 : 1 + len(KINDS)]  # below the head of the first table
    took = {row[0]: row[8] for row in trainings}
    assert took["dlh"] == "8" and took["cwvae"] == "<= 10"
    png = (out / "futures.png").read_bytes()
    assert png.startswith(b"\x89PNG") and "(futures.png)" in page


def test_the_same_command_again_scores_nothing(compared, runs, monkeypatch):
    out, numbers = compared

    def refuse(*args, **options):
        raise AssertionError("scored again")

    for name in ("evaluate", "resolve_temperature"):
        monkeypatch.setattr(scored, name, refuse)
    asked = Asked(context=12, horizon=16, samples=3, clips=3, processes=1)
    again = comparison.compare_models({kind: runs / kind for kind in KINDS}, out, asked)
    assert again == numbers


def test_models_of_other_worlds_or_of_one_name_are_refused(reproduce, runs):
    make_run(Path("still"), of_preset("tiny", chance=0.0))
    answer = reproduce("compare", runs / "dlh", "still", *LITTLE)
    assert answer.status == 2 and answer.names("dlh still")
    answer = reproduce("compare", runs / "dlh", runs / "dlh", *LITTLE)
    assert answer.status == 2 and answer.names("dlh")
