"""Runs in other processes, killed at moments of the test's or of nobody's choosing."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import time
from pathlib import Path

import pytest

from dlh.training.checkpoint import BEST, checkpoint_files, newest_step, read_checkpoint
from dlh.training.run import RunFolder
from training.dying_training import (
    MOMENTS,
    child_fills_the_disk,
    child_is_denied_the_best,
    child_is_killed,
    child_is_killed_drawing,
    child_trains,
    exit_code,
    start_child,
)
from training.tiny_training import CONFIG, assert_same_run, new_run, train_tiny

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="these kill processes as POSIX does"
)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_and_resumed_equals_unbroken(
    tmp_path: Path, unbroken: RunFolder, moment: str
) -> None:
    run = new_run(tmp_path / "run")
    assert exit_code(child_is_killed, run.path, moment) == -signal.SIGKILL
    assert run.status().state == "killed"
    train_tiny(run)
    assert_same_run(run, unbroken)
    assert list(run.path.rglob("*.tmp")) == []


def test_killed_in_a_drawing_and_resumed_equals_unbroken(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, sample_every=4)
    run, whole = new_run(tmp_path / "run"), new_run(tmp_path / "whole")
    drawn: list[int] = []
    train_tiny(whole, config, draw_samples=lambda model, step: None)
    assert exit_code(child_is_killed_drawing, run.path, config) == -signal.SIGKILL
    train_tiny(run, config, draw_samples=lambda model, step: drawn.append(step))
    assert drawn == [8, 12]
    assert_same_run(run, whole)


@pytest.mark.slow
def test_killed_again_and_again_and_resumed_equals_unbroken(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, steps=60)
    whole, run, chance, kills = (
        new_run(tmp_path / "whole"),
        new_run(tmp_path / "run"),
        random.Random(),
        0,
    )
    train_tiny(whole, config)
    while run.status().state != "finished":
        # With its pauses a whole run takes 0.6 s, so the first child never outlives its wait.
        child = start_child(child_trains, run.path, config, 0.03)
        child.join(chance.uniform(0.05, 0.4) if kills < 8 else 60)
        if child.exitcode is None:
            os.kill(child.pid, signal.SIGKILL)
            child.join(30)
            kills += 1
        assert child.exitcode in (0, -signal.SIGKILL)
    assert kills > 0
    assert_same_run(run, whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_asked_to_stop_from_outside_it_saves_first(
    tmp_path: Path, unbroken: RunFolder, number: signal.Signals
) -> None:
    run = new_run(tmp_path / "run")
    rarely = dataclasses.replace(CONFIG, checkpoint_every=1_000)
    child = start_child(child_trains, run.path, rarely, 0.1)
    deadline = time.monotonic() + 30
    while len(run.metrics.read()) < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child.pid, number)
    child.join(30)
    assert child.exitcode == 3
    assert run.status().state == "interrupted"
    assert newest_step(run.checkpoints) == run.status().step > 0
    train_tiny(run)
    assert_same_run(run, unbroken)


@pytest.mark.slow
def test_two_processes_do_not_train_in_one_folder(tmp_path: Path, unbroken: RunFolder) -> None:
    run = new_run(tmp_path / "run")
    with run.lock():
        assert exit_code(child_trains, run.path) == 1
        train_tiny(run)
    assert_same_run(run, unbroken)


def test_a_full_disk_leaves_the_best_checkpoint_before(tmp_path: Path, unbroken: RunFolder) -> None:
    run = new_run(tmp_path / "run")
    assert exit_code(child_is_denied_the_best, run.path) == 6
    assert run.status().state == "failed" and "No space left" in run.status().message
    assert read_checkpoint(run.checkpoints / BEST)["progress"]["step"] == 5
    assert newest_step(run.checkpoints) == 10
    train_tiny(run)
    assert_same_run(run, unbroken)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, unbroken: RunFolder) -> None:
    run = new_run(tmp_path / "run")
    train_tiny(run, dataclasses.replace(CONFIG, steps=4), validate=None)
    (run.checkpoints / "step-0000002.pt").unlink()
    before = (run.checkpoints / "step-0000004.pt").read_bytes()
    assert exit_code(child_fills_the_disk, run.path, len(before) // 2) == 4
    assert [path.name for path in run.checkpoints.iterdir()] == ["step-0000004.pt"]
    assert (run.checkpoints / "step-0000004.pt").read_bytes() == before
    assert run.status().state == "failed" and "cannot write" in run.status().message
    assert checkpoint_files(run.checkpoints)
