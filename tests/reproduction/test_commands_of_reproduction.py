from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from dlh.analysis.findings import AnalysisConfig
from dlh.commands.analyse import read_analysis
from dlh.data.clips import DataError
from dlh.errors import OutputError, UsageError
from dlh.files.lock import Lock
from dlh.pretrained import PretrainedError
from dlh.runs.presets import tiny
from dlh.training.errors import Interrupted, NonFiniteError
from dlh.training.run import RunFolder
from refusals import holds
from reproduction import driver
from reproduction.named import Named
from reproduction.record import make_record


def named(seed: int, **training) -> Named:
    base = tiny()
    training = {"steps": 4, "validate_every": 2, "seed": seed} | training
    return Named(
        name=f"full-lambda0-seed{seed}",
        group="full",
        kind="0",
        what="a tiny one",
        experiment=replace(base, training=replace(base.training, **training)),
        analysis=AnalysisConfig(
            clips=3, futures_clips=1, context_steps=4, horizon=5, samples=2, traced_steps=9
        ),
        figures=("events",),
    )


@pytest.fixture(autouse=True)
def tiny_list(monkeypatch):
    """Three tiny experiments in place of the real ones, and little to analyse."""
    listed = (named(0), named(1), named(2))
    monkeypatch.setattr("reproduction.catalogue.experiments", lambda: listed)
    monkeypatch.setattr("reproduction.write.experiments", lambda: listed)
    monkeypatch.setitem(AnalysisConfig.__init__.__kwdefaults__, "traced_steps", 15)
    monkeypatch.setattr("dlh.analysis.level_findings.MOMENTS", 2)
    monkeypatch.setattr("dlh.analysis.level_findings.RESAMPLINGS", 2)
    monkeypatch.setattr("dlh.reports.figures.canvas.DOTS_PER_INCH", 30)
    monkeypatch.setattr("dlh.reports.figures.canvas.pdf_bytes", lambda figure: b"")  # it is slow


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr("dlh.commands.analyse.figures", lambda findings: {})


@pytest.fixture
def no_page(monkeypatch):
    """The page of a run itself takes longest; of it the experiments want the seconds alone."""

    def summary(trained) -> dict:
        found = {"seconds": {"train": trained.progress.train_seconds, "validation": 0.0}}
        trained.run.write_json("summary.json", found)
        return found

    monkeypatch.setattr("dlh.commands.train.show", summary)
    monkeypatch.setattr("dlh.commands.train.describe", lambda summary, folder: [])


def record(name: str) -> dict:
    return json.loads(Path(f"docs/results/runs/{name}.json").read_text("utf-8"))


def test_each_experiment_is_run_once_and_makes_the_page_grow(reproduce, monkeypatch):
    from dlh.reports.analysis_figures import figures

    monkeypatch.setattr(
        "dlh.commands.analyse.figures",
        lambda findings: {"events": figures(findings)["events"]},
    )
    answer = reproduce("run", "--only", "*seed0")
    assert answer.status == 0, answer.err
    made = record("full-lambda0-seed0")
    assert made["course"]["step"] == [2, 4] and len(made["course"]["kl.L2"]) == 2
    assert made["final"]["depth"]["mean_depth"]["count"] == 3 * 8
    assert made["settings"]["training"]["steps"] == 4 and made["updates"] == 4
    assert made["final"]["model"] == "full-lambda0-seed0"  # and no folder of this machine
    assert made["core_hours"] > 0 and set(made["seconds"]) == {"train", "validation", "analysis"}
    assert Path("docs/results/figures/full-lambda0-seed0-events.png").exists()
    assert Path("docs/results/runs/full-lambda0-seed0.json").stat().st_size < 20_000

    def never(*_, **__):
        raise AssertionError("it has a record")

    monkeypatch.setattr(driver, "start", never)
    monkeypatch.setattr(driver, "resume", never)
    assert reproduce("run", "--only", "*seed0").status == 0
    shutil.rmtree("runs")  # the record is enough
    answer = reproduce("list")
    assert "full-lambda0-seed0  4" in answer.out and "done" in answer.out
    assert answer.out.count("to do") == 2 + 1  # and in the sum
    answer = reproduce("page")
    assert answer.status == 0, answer.err
    page = Path("docs/results/moving-ball.md").read_text("utf-8")
    assert "1 of 3 runs are done" in page and "Not run yet: `full-lambda0` seed 1" in page
    assert "full-lambda0-seed0-events.png" in page and "course-full.png" in page
    numbers = json.loads(Path("docs/results/moving-ball.json").read_text("utf-8"))
    assert numbers["events"]["0"]["f1"]["seeds"] == [0]


def test_what_needs_a_gpu_is_passed_over_without_one_and_takes_hours_of_it(reproduce, monkeypatch):
    on_gpu = replace(named(1, device="cuda"), name="paper-lambda0-seed1", group="paper")
    listed = (named(0), on_gpu)
    monkeypatch.setattr("reproduction.catalogue.experiments", lambda: listed)
    ran = []

    def run(experiment, folder, results, say):
        ran.append(experiment.name)
        return {"name": experiment.name}

    monkeypatch.setattr(driver, "_run", run)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    answer = reproduce("run")
    assert answer.status == 0 and ran == ["full-lambda0-seed0"]
    assert holds(answer.out, "paper-lambda0-seed1")
    shutil.rmtree("docs")
    answer = reproduce("list")
    assert "0.00 (GPU)  -     needs a GPU" in answer.out
    assert "2 experiments" in answer.out and "0.0 hours of a GPU" in answer.out
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert reproduce("run", "--only", "paper*").status == 0
    assert ran == ["full-lambda0-seed0", "paper-lambda0-seed1"]

    made = make_record(
        on_gpu,
        metrics=[],
        summary={"seconds": {"train": 3600.0, "validation": 1800.0}},
        analysis={},
        analysis_seconds=900.0,
        software={},
    )
    assert made["gpu_hours"] == 1.5 and made["core_hours"] == 0
    assert made["seconds"] == {"train": 3600.0, "validation": 1800.0, "analysis": 900.0}


def test_a_dry_run_does_nothing(reproduce):
    answer = reproduce("run", "--dry-run")
    assert answer.status == 0 and "3 experiments, 0." in answer.out
    assert not list(Path().iterdir())


def test_an_unfinished_run_goes_on_and_one_of_other_settings_is_refused(
    reproduce, no_figures, no_page
):
    from dlh.runs.build import build_model, open_source
    from dlh.runs.experiment import write_snapshot
    from dlh.runs.workers import settled
    from dlh.training.loop import train

    experiment = settled(named(0).experiment)
    run = RunFolder.create(Path("runs/findings/full-lambda0-seed0"))
    source = open_source(experiment)
    write_snapshot(run, experiment, source)
    train(build_model(experiment), source, experiment.training, run, until=2)
    # An analysis of other settings is no analysis of this experiment.
    before = {"settings": asdict(replace(named(0).analysis, samples=3)), "futures": {}}
    (run.path / "analysis").mkdir()
    (run.path / "analysis/analysis.json").write_text(json.dumps(before))
    assert "full-lambda0-seed0" in reproduce("list").out
    answer = reproduce("run", "--only", "*seed0")
    assert answer.status == 0, answer.err
    assert record("full-lambda0-seed0")["final"]["futures"]["samples"] == 2
    steps = [json.loads(line)["step"] for line in (run.path / "metrics.jsonl").open()]
    assert steps.count(2) >= 1 and steps[-1] == 4
    other = named(1, learning_rate=0.1).experiment
    write_snapshot(RunFolder.create(Path("runs/findings/full-lambda0-seed1")), other, source)
    answer = reproduce("run", "--only", "*seed1")
    assert answer.status == 1 and answer.names("1 full-lambda0-seed1")
    assert holds(answer.err, "full-lambda0-seed1")


def test_an_analysis_is_taken_as_it_is_only_if_it_was_made_with_the_same_settings(workspace):
    config = named(0).analysis
    assert read_analysis(Path("none"), config) is None
    for content in ({"settings": asdict(config)}, {"settings": {"clips": 3}}, {"clips": 3}, []):
        Path("analysis.json").write_text(json.dumps(content))
        same = isinstance(content, dict) and content.get("settings") == asdict(config)
        assert read_analysis(Path(), config) == (content if same else None)


def test_one_that_fails_does_not_stop_the_others(reproduce, monkeypatch):
    from dlh.runs.build import open_source
    from dlh.runs.experiment import write_snapshot

    def start(experiment, folder, **options):
        if experiment.training.seed == 0:
            raise driver.RunFolderError("no room")
        write_snapshot(RunFolder.create(folder), experiment, open_source(experiment))
        raise NonFiniteError("the loss of step 1 is not finite", step=1, term="loss")

    monkeypatch.setattr(driver, "start", start)
    answer = reproduce("run", "--only", "*seed[01]")
    assert answer.status == 1
    assert holds(answer.err, 1, 2, "full-lambda0-seed0")
    assert record("full-lambda0-seed1")["failed"] == "the loss of step 1 is not finite"
    assert not Path("docs/results/runs/full-lambda0-seed0.json").exists()
    assert "failed" in reproduce("list").out
    assert reproduce("page").status == 0
    page = Path("docs/results/moving-ball.md").read_text("utf-8")
    assert "`full-lambda0-seed1` did not finish: the loss of step 1" in page


@pytest.mark.parametrize("kind", [DataError, UsageError, PretrainedError, OutputError])
def test_whatever_one_lacks_the_next_is_begun(reproduce, monkeypatch, kind):
    begun = []

    def start(experiment, folder, **options):
        begun.append(experiment.training.seed)
        raise kind(f"seed {experiment.training.seed} lacks its digits")

    monkeypatch.setattr(driver, "start", start)
    answer = reproduce("run")
    assert answer.status == 1 and begun == [0, 1, 2]
    assert holds(answer.out, "full-lambda0-seed1", 1)
    assert answer.names("3 full-lambda0-seed0")


def test_what_cannot_be_read_is_said_in_the_list(reproduce):
    for name, content in {
        "full-lambda0-seed0": '{"state": "runn',
        "full-lambda0-seed1": "{}",
    }.items():
        run = RunFolder.create(Path("runs/findings") / name)
        run.write_json("experiment.json", {})
        run.write_text("status.json", content)
    records = Path("docs/results/runs")
    records.mkdir(parents=True)
    (records / "full-lambda0-seed2.json").write_text('{"version": 1, "name": "full-lambda0-seed2"}')
    answer = reproduce("list")
    assert answer.status == 0, answer.err
    rows, (one, two, three, last) = answer.out.splitlines()[1:4], answer.out.splitlines()[4:]
    assert [row.split()[4] for row in rows] == ["unreadable"] * 3
    assert holds(one, "full-lambda0-seed0", "runs/findings/full-lambda0-seed0/status.json")
    assert holds(two, "full-lambda0-seed1", "status.json")
    assert holds(three, "full-lambda0-seed2", "docs/results/runs/full-lambda0-seed2.json")
    assert last.startswith("3 experiments, 0.")


@pytest.mark.parametrize("while_it_trains", [True, False])
def test_who_stops_it_is_told_to_give_the_command_again(reproduce, monkeypatch, while_it_trains):
    def start(experiment, folder, **options):
        raise Interrupted(folder=folder, step=7) if while_it_trains else KeyboardInterrupt

    monkeypatch.setattr(driver, "start", start)
    answer = reproduce("run")
    saved = "everything up to step 7 of runs/findings/full-lambda0-seed0 is saved"
    assert (answer.status, answer.line) == (
        130,
        f"dlh: interrupted: {saved if while_it_trains else 'what is finished is saved'}; "
        "give the same command again to go on\n",
    )
    assert answer.out.count("full-lambda0-") == 1  # and no other is begun


def test_what_another_process_is_at_is_left_to_it(reproduce, no_figures):
    Path("runs/findings").mkdir(parents=True)
    path = Path("runs/findings/.full-lambda0-seed0.lock")
    lock = Lock(path, doing="a test", error=OutputError)
    lock.acquire()
    answer = reproduce("run", "--only", "*seed0")
    lock.release()
    assert answer.status == 0 and holds(answer.out, os.getpid())
    assert not Path("docs/results/runs/full-lambda0-seed0.json").exists()


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("", 2, ""),
        ("rum", 2, "there is no command python -m reproduction rum; did you mean run?"),
        ("run --only nothing", 2, "no experiment is called 'nothing'"),
        ("page --results file", 2, "file/runs holds no record (NAME.json, as `python"),
        ("page --results docs/result", 2, "name the folder above it with --results"),
        ("publish missing ball", 2, "there is no folder missing"),
        ("publish . Ball/x", 2, "found 'Ball/x'"),
        ("publish run ball --dtype int8", 2, "int8"),
        ("compare", 2, "found none"),
        ("compare file --samples 0", 2, "samples is at least 1, found 0"),
        ("arena films --clips 0", 2, "films is at least 1, found 0"),
        ("arena films --seconds 0", 2, "above 0, found 0"),
        ("arena . --clips 1", 2, "is not empty"),
        ("joined films --videos file", 2, "two videos or more, found 1"),
        ("table1 --samples 0 --dry-run", 2, "samples is at least 1, found 0"),
        ("table1 --horizon 0 --dry-run", 2, "horizon is at least 1, found 0"),
        ("table1 --frames 0 --dry-run", 2, "frames is at least 1, found 0"),
        ("table1 --far -1 --dry-run", 2, "far is at least 0, found -1"),
        ("table1 --seeds --dry-run", 2, "seeds are one or more"),
        ("table1 --run moving-ball/mine=nowhere --dry-run", 2, "there is none at nowhere"),
        ("table1 --worlds kth --keep file", 1, "file"),
    ],
)
def test_what_cannot_be_is_one_line(reproduce, words, status, said):
    Path("file").write_text("")
    answer = reproduce(*words.split())
    assert answer.status == status
    assert said in answer.err if said else "usage: python -m reproduction" in answer.out
    assert [path.name for path in Path().iterdir()] == ["file"]


def test_publishing_makes_a_model_of_half_the_size_that_says_what_it_was_trained_on(
    reproduce, dlh_command, finished, monkeypatch, no_figures
):
    import torch

    from dlh import DLH
    from dlh.pretrained import files
    from reproduction import publish

    monkeypatch.setattr(publish, "CLIPS", 4)
    monkeypatch.setattr(publish, "PREDICTED_CLIPS", 2)
    monkeypatch.setattr(publish, "STEPS", 8)
    monkeypatch.setattr(publish, "CONTEXT_STEPS", 4)
    monkeypatch.setattr(publish, "HORIZON", 4)
    monkeypatch.setattr(publish, "SAMPLES", 2)
    for dtype, worst in (("float16", 1e-3), ("bfloat16", 1e-2)):
        answer = reproduce("publish", finished, "ball", "--out", "w", "--dtype", dtype)
        assert answer.status == 0, answer.err
        assert f"weights as {dtype}" in answer.out and "nats per frame" in answer.out
        whole = DLH.from_pretrained(finished).model.state_dict()
        stored = DLH.from_pretrained("w/ball").model.state_dict()
        assert all(value.dtype == torch.float32 for value in stored.values())
        gaps = [(whole[name] - stored[name]).abs().max() for name in whole]
        assert 0 < max(gaps) < worst * max(value.abs().max() for value in whole.values())
        about = json.loads(Path("w/ball/about.json").read_text("utf-8"))
        assert about["stored_as"] == dtype and about["as_stored"]["clips"] == 4
        assert about["as_stored"]["elbo"] == pytest.approx(about["as_trained"]["elbo"], rel=0.01)
    size = Path("w/ball/model.safetensors").stat().st_size
    assert size < 0.6 * (finished / "model.safetensors").stat().st_size
    monkeypatch.setattr(files, "SHIPPED", Path("w").absolute())
    answer = dlh_command(
        "analyse", "ball", "--clips", 2, "--futures-clips", 1, "--samples", 1, "--horizon", 5
    )
    assert answer.status == 0, answer.err
    assert Path("analysis-ball/analysis.json").exists()


def test_a_model_that_is_too_large_to_ship_is_refused_and_nothing_is_written(
    reproduce, finished, monkeypatch
):
    from reproduction import publish

    monkeypatch.setattr(publish, "MOST_BYTES", 1000)
    answer = reproduce("publish", finished, "ball", "--out", "w")
    assert answer.status == 1 and answer.names("0 MB")
    assert not Path("w").exists()
