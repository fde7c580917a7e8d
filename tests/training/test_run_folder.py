from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlh.training.errors import Interrupted, RunFolderError
from dlh.training.progress import Progress
from dlh.training.run import RunFolder, RunStatus
from refusals import refused
from training.dying_training import (
    child_holds_the_lock,
    child_without_permission,
    exit_code,
    start_child,
)
from training.tiny_training import new_run


def test_a_new_run_makes_its_folder(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "runs" / "a")
    assert run.path.is_dir() and run.status() == RunStatus(state="new")


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert RunFolder.create(str(tmp_path)).path == tmp_path


def test_a_run_that_was_killed_before_it_wrote_anything_can_be_started_again(
    tmp_path: Path,
) -> None:
    with RunFolder.create(tmp_path).lock():
        (tmp_path / ".experiment.json.123.tmp").write_text("{")
    RunFolder.create(tmp_path)


def test_a_folder_with_something_in_it_is_refused_and_untouched(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / name).write_text("mine")
    with refused(RunFolderError, tmp_path, "a, b, c, ..."):
        RunFolder.create(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == list("abcd")


def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    with refused(RunFolderError, tmp_path):
        RunFolder.create(run.path)
    run.write_status("interrupted", step=5, steps=9)
    with refused(RunFolderError, tmp_path, 5, 9):
        RunFolder.create(run.path)


@pytest.mark.parametrize("name", ["file", "file/run"])
def test_a_file_is_no_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    for attempt in (RunFolder.create, RunFolder.open):
        with refused(RunFolderError, tmp_path / name):
            attempt(tmp_path / name)


def test_opening_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with refused(RunFolderError, "none"):
        RunFolder.open(tmp_path / "none")
    with refused(RunFolderError, "experiment.json"):
        RunFolder.open(tmp_path)


def test_a_run_is_set_aside_under_the_next_free_name(tmp_path: Path) -> None:
    assert RunFolder.set_aside(tmp_path / "run") is None
    for expected in ("run-1", "run-2"):
        new_run(tmp_path / "run")
        assert RunFolder.set_aside(tmp_path / "run") == tmp_path / expected
        assert RunFolder.open(tmp_path / expected).read_json("experiment.json")
    assert not (tmp_path / "run").exists()


def test_what_is_no_run_is_not_set_aside(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "one.jpg").write_text("")
    with refused(RunFolderError):
        RunFolder.set_aside(tmp_path / "photographs")
    assert (tmp_path / "photographs" / "one.jpg").exists()


def test_files_are_written_as_a_whole(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path)
    run.write_json("summary.json", {"psnr": float("nan"), "steps": [1, 2.5], "name": "é"})
    assert json.loads((tmp_path / "summary.json").read_text()) == run.read_json("summary.json")
    assert run.read_json("summary.json") == {"psnr": None, "steps": [1, 2.5], "name": "é"}
    with pytest.raises(TypeError):
        run.write_json("summary.json", {"psnr": object()})
    assert run.read_json("summary.json")["name"] == "é"
    assert run.write_text("notes.txt", "é").read_bytes() == "é".encode()
    assert run.write_bytes("model.bin", b"\x00\xff").read_bytes() == b"\x00\xff"
    with refused(RunFolderError, "missing/x.txt"):
        run.write_text("missing/x.txt", "")


def test_damaged_and_missing_json_is_one_clear_error(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path)
    run.write_text("summary.json", '{"psnr": ')
    with refused(RunFolderError, "summary.json"):
        run.read_json("summary.json")
    with refused(RunFolderError, "none.json"):
        run.read_json("none.json")


def test_the_status_of_another_version_is_refused(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path)
    run.write_json("status.json", {"state": "finished"})
    with refused(RunFolderError, "status.json"):
        run.status()


def test_the_lock_keeps_others_out_and_can_be_nested(tmp_path: Path) -> None:
    run, other = RunFolder(tmp_path), RunFolder(tmp_path)
    with run.lock():
        with run.lock():
            pass
        with refused(RunFolderError, os.getpid(), code="already-running"):
            other.lock().__enter__()
    with other.lock():
        pass


def test_locking_removes_what_a_killed_process_left_half_written(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path)
    run.checkpoints.mkdir()
    leftovers = [tmp_path / ".status.json.7.tmp", run.checkpoints / ".step-0000001.pt.7.tmp"]
    for leftover in leftovers:
        leftover.write_text("half")
    with run.lock():
        assert not any(leftover.exists() for leftover in leftovers)


def test_a_living_run_is_told_from_a_killed_one_and_its_lock_taken_over(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path)
    child = start_child(child_holds_the_lock, tmp_path)
    deadline = time.monotonic() + 30
    while not (tmp_path / "locked").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert run.status().state == "running"
    with refused(RunFolderError, child.pid, code="already-running"):
        run.lock().__enter__()
    run.write_json("experiment.json", {})
    with refused(RunFolderError, code="already-running"):
        RunFolder.set_aside(tmp_path)
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)
    assert run.status() == RunStatus(state="killed", step=1, steps=2, updated=run.status().updated)
    with run.lock():
        assert run.status().state == "running"  # as the file says, until this training says more


def test_how_a_training_ends_is_written_down(tmp_path: Path) -> None:
    run, progress = RunFolder.create(tmp_path), Progress(step=4)
    with run.lock(), run.reported(progress, steps=9):
        assert run.status().state == "running"
        progress.step = 9
    assert (run.status().state, run.status().step) == ("finished", 9)
    with pytest.raises(ZeroDivisionError), run.reported(progress, steps=9):
        _ = 1 / 0
    assert (run.status().state, run.status().message) == ("failed", "division by zero")
    with refused(Interrupted, 0) as raised, run.reported(progress, steps=9):
        raise KeyboardInterrupt
    assert raised.value.folder == tmp_path
    assert run.status().state == "interrupted"


@pytest.fixture
def readable_folder() -> Iterator[Path]:
    """A folder that everybody may read, unlike those of pytest, and nobody but root may write."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o555)
        yield Path(name)
        os.chmod(name, 0o755)


def test_no_permission_to_write_is_one_clear_error(readable_folder: Path) -> None:
    assert exit_code(child_without_permission, readable_folder) == 5
