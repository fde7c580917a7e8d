"""The list of runs: what each line says, of runs that live, died, failed, or cannot be read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dlh.commands.options import RunsOptions
from dlh.commands.runs import list_runs
from dlh.errors import UsageError
from dlh.runs import presets
from dlh.runs.listing import as_table, describe_run, find_runs
from dlh.settings import to_plain
from dlh.training.metrics import Best
from dlh.training.run import RunFolder
from refusals import holds, refused


def new_run(path: Path) -> RunFolder:
    run = RunFolder.create(path)
    run.write_json("experiment.json", {"version": 1, "experiment": to_plain(presets.tiny())})
    return run


def validated(run: RunFolder, step: int, bound: float, best: int) -> None:
    run.metrics.append({"step": step, "validation.elbo": bound, "best_step": best})


def listed(folder: Path, *, json: bool = False) -> list[str]:
    said: list[str] = []
    list_runs(RunsOptions(folder=folder, json=json), say=said.append)
    return said


def test_a_dead_run_is_told_from_a_living_one(tmp_path):
    run = new_run(tmp_path / "run")
    run.write_status("running", step=7, steps=30)
    with run.lock():
        assert describe_run(run.path).state == "running"
    assert describe_run(run.path).state == "killed"


def test_a_line_says_step_best_figure_and_when_it_last_wrote(tmp_path):
    run = new_run(tmp_path / "run")
    assert describe_run(run.path).state == "new" and describe_run(run.path).best is None
    run.write_status("running", step=20, steps=30)
    validated(run, 10, -5.0, 10)
    validated(run, 20, -6.0, 10)
    run.metrics.append({"step": 25, "loss": 1.0})  # since the last checkpoint
    os.utime(run.metrics.path, (2e9, 2e9))
    line = describe_run(run.path)
    assert (line.preset, line.state, line.step, line.steps) == ("tiny", "killed", 25, 30)
    assert line.best == Best(step=10, value=-5.0) and line.updated == 2e9


def test_a_run_that_has_not_chosen_its_start_shows_the_best_of_them(tmp_path):
    run = new_run(tmp_path / "run")
    run.write_status("running", step=3, steps=6)
    for seed, bound in ((0, -4.0), (1, -2.0)):
        part = RunFolder(run.path / "starts" / f"seed-{seed}")
        part.path.mkdir(parents=True)
        validated(part, 5, bound, 5)
    assert describe_run(run.path).best == Best(step=5, value=-2.0)
    assert find_runs(tmp_path) == [run.path]


def test_runs_are_found_three_folders_deep_and_not_inside_another(tmp_path):
    for name in ("b", "a/deep/er", "a/deep/er/too/far", "b/inside"):
        new_run_at = tmp_path / name
        new_run_at.mkdir(parents=True, exist_ok=True)
        (new_run_at / "experiment.json").write_text("{}")
    assert find_runs(tmp_path) == [tmp_path / "a/deep/er", tmp_path / "b"]
    assert find_runs(tmp_path / "b") == [tmp_path / "b"]


def test_the_table_has_a_row_for_each_and_says_what_went_wrong(tmp_path):
    done, failed, killed = (new_run(tmp_path / name) for name in ("a-done", "b-failed", "c"))
    done.write_status("finished", step=30, steps=30)
    validated(done, 30, -12.345, 30)
    failed.write_status("failed", step=4, steps=30, message="the loss\nis nan")
    killed.write_status("running", step=4, steps=30)
    (tmp_path / "d-broken").mkdir()
    (tmp_path / "d-broken" / "experiment.json").write_text("{")
    lines = [describe_run(path) for path in find_runs(tmp_path)]
    now = done.status().updated
    rows = list(as_table(lines, now=now + 7300))
    assert rows[0].split() == (
        ["run", "preset", "status", "step", "best", "held-out", "bound", "updated"]
    )
    first = rows[1].split()
    assert first[1:4] == ["tiny", "finished", "30/30"]
    assert "-12.35 at step 30" in rows[1] or "-12.34 at step 30" in rows[1]
    assert rows[1].endswith("2 h ago")
    assert rows[2].split()[2:4] == ["failed", "4/30"] and rows[3].split()[2] == "killed"
    assert rows[4].split()[1:4] == ["-", "unreadable", "-"]
    assert any(holds(row, failed.path, "nan") for row in rows)
    assert any(holds(row, tmp_path / "d-broken") for row in rows)
    assert rows[-1].endswith("continue with `dlh train --resume RUN`")
    states = (" finished", " failed", " killed")
    assert len({row.index(state) for row, state in zip(rows[1:4], states, strict=True)}) == 1


@pytest.mark.parametrize(
    "seconds, said", [(-3, "0 s"), (59, "59 s"), (61, "1 min"), (7_300, "2 h"), (200_000, "2 d")]
)
def test_ages_are_rough(tmp_path, seconds, said):
    run = new_run(tmp_path / "run")
    run.write_status("finished", step=1, steps=1)
    line = describe_run(run.path)
    assert list(as_table([line], now=line.updated + seconds))[1].endswith(f"{said} ago")


def test_json_is_for_programs(tmp_path):
    run = new_run(tmp_path / "run")
    run.write_status("interrupted", step=5, steps=30)
    validated(run, 5, -1.5, 5)
    (text,) = listed(tmp_path, json=True)
    (line,) = json.loads(text)
    assert line.pop("updated") > 1e9
    assert line == {
        **{"run": str(run.path), "preset": "tiny", "state": "interrupted", "step": 5},
        **{"steps": 30, "best": {"step": 5, "elbo": -1.5}, "message": ""},
    }


def test_an_experiment_of_another_version_is_said_not_raised(tmp_path):
    run = RunFolder.create(tmp_path / "run")
    run.write_json("experiment.json", {"version": 7})
    line = describe_run(run.path)
    assert line.state == "unreadable"
    assert holds(line.message, "preset", "steps")


def test_a_folder_without_runs_and_no_folder_are_said(tmp_path):
    assert listed(tmp_path) == [f"there are no runs in {tmp_path}"]
    assert listed(tmp_path, json=True) == ["[]"]
    with refused(UsageError, "nowhere"):
        list_runs(RunsOptions(folder=Path("nowhere")))
