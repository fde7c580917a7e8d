"""The plan for a GPU, rehearsed; a run in parts that goes on elsewhere."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from dlh.errors import UsageError
from dlh.training.run import RunFolder
from refusals import refused
from reproduction import gpu
from reproduction.packing import join, pack


@pytest.fixture
def rehearsed_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each kind of task."""
    tasks = [gpu.TASKS[0], gpu.TASKS[1], gpu.TASKS[-1]]
    monkeypatch.setattr(gpu, "TASKS", tasks)
    monkeypatch.setattr(gpu, "WARM", 1)


@pytest.mark.slow
@pytest.mark.usefixtures("rehearsed_little")
def test_the_plan_trains_scores_times_and_packs_what_goes_on(reproduce, dlh_command):
    answer = reproduce("gpu", "--dry-run", "--minutes", 20, "--out", "gpu")
    assert answer.status == 0, answer.err
    report = json.loads(Path("gpu/gpu.json").read_text())
    tasks = report["tasks"]
    assert [task["state"] for task in tasks.values()] == ["done"] * 3
    trained = tasks["train DLH on Moving MNIST"]
    assert len(trained["seconds_a_step"]) == 3  # the joint stage and both later ones
    assert trained["share"] == 1.0 and trained["parts"][-1] == "parts.json"
    assert tasks["score DLH on Moving MNIST"]["rows"]["psnr"]["best"] > 0
    assert tasks["time a step of every model"]["cwvae"]["seconds"] > 0
    joined = reproduce("join", "gpu/parts/moving-mnist-dlh3", "elsewhere")
    assert joined.status == 0, joined.err
    later = ("--training.later-steps", 6, 6)
    resumed = dlh_command("train", "--resume", "elsewhere", *later)
    assert resumed.status == 0, resumed.err
    assert RunFolder(Path("elsewhere")).status().step == trained["steps"] + 2


def test_a_run_in_parts_is_the_same_run_and_damage_is_found(workspace):
    run = Path("run")
    (run / "checkpoints").mkdir(parents=True)
    (run / "experiment.json").write_text("{}")
    for step in (1, 2):
        (run / f"checkpoints/step-{step:07d}.pt").write_bytes(bytes(range(256)) * 100)
    parts = pack(run, Path("parts"), most_bytes=10_000)
    assert len(parts) > 3 and all(part.stat().st_size <= 10_000 for part in parts)
    join(Path("parts"), Path("again"))
    newest = "checkpoints/step-0000002.pt"
    assert [p.name for p in Path("again/checkpoints").iterdir()] == ["step-0000002.pt"]
    assert Path("again", newest).read_bytes() == (run / newest).read_bytes()
    with refused(UsageError, "again"):
        join(Path("parts"), Path("again"))
    parts[1].write_bytes(b"x" + parts[1].read_bytes()[1:])
    with refused(UsageError, "part-001"):
        join(Path("parts"), Path("third"))
    parts[1].unlink()
    with refused(UsageError, "part-001"):
        join(Path("parts"), Path("third"))
    Path("empty").mkdir()
    with refused(UsageError, "empty"):
        pack(Path("empty"), Path("parts2"))


def test_a_task_whose_time_is_over_is_stopped_and_the_next_begins(workspace, monkeypatch):
    begun = []

    def slow(plan: gpu.Plan, seconds: float) -> dict:
        begun.append("slow")
        time.sleep(30)
        return {}

    def quick(plan: gpu.Plan, seconds: float) -> dict:
        begun.append("quick")
        return {"found": 1}

    monkeypatch.setattr(gpu, "TASKS", [("slow", 0.2, slow), ("quick", 0.8, quick)])
    report = gpu.run_plan(1 / 60, Path("out"), scale=gpu.SMALL, say=lambda line: None)
    assert begun == ["slow", "quick"]
    assert "time was over" in report["tasks"]["slow"]["state"]
    assert report["tasks"]["quick"]["state"] == "done"
    with refused(UsageError, "out"):
        gpu.run_plan(1, Path("out"), scale=gpu.SMALL)


def test_the_full_plan_needs_a_gpu(reproduce, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert reproduce("gpu", "--minutes", 1).status == 2
    assert reproduce("gpu", "--minutes", 0).status == 2


def test_seconds_of_a_step_leave_out_what_a_stage_takes_to_begin():
    rows = [
        {"step": 10, "seconds": 20.0},
        {"step": 30, "seconds": 22.0},
        {"step": 30, "validation.elbo": 1.0},
        {"step": 40, "seconds": 32.0, "stage": "dynamics"},
        {"step": 60, "seconds": 33.0, "stage": "dynamics"},
        {"step": 62, "seconds": 34.0, "stage": "events"},
    ]
    assert gpu.stage_seconds(rows) == pytest.approx([0.1, 0.05, 0.5])
