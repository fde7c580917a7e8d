"""What goes to trackers is what goes to metrics.jsonl."""

from __future__ import annotations

import dataclasses
import importlib.util
import time
from pathlib import Path

import pytest

from dlh.training import trackers
from dlh.training.errors import TrainingError
from dlh.training.trackers import FOLDER
from refusals import refused
from training.tiny_training import CONFIG, new_run, train_tiny


def tensorboard_figures(folder: Path) -> dict[str, dict[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found: dict[str, dict[int, float]] = {}
    for file in sorted(folder.rglob("events.out.tfevents*")):
        events = EventAccumulator(str(file))
        events.Reload()
        for tag in events.Tags()["scalars"]:
            found.setdefault(tag, {}).update({e.step: e.value for e in events.Scalars(tag)})
    return found


def test_tensorboard_has_every_figure_also_of_a_run_that_goes_on(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    untracked = dataclasses.replace(CONFIG, steps=6)
    tracked = dataclasses.replace(CONFIG, trackers=("tensorboard",))
    train_tiny(run, untracked)
    train_tiny(run, dataclasses.replace(tracked, steps=9))  # what was measured before is sent too
    train_tiny(run, tracked)
    found = tensorboard_figures(run.path / FOLDER)
    for entry in run.metrics.read():
        for name, value in entry.items():
            if name != "step" and value is not None:
                assert found[name][entry["step"]] == pytest.approx(value, rel=1e-5), name
    assert set(found["loss"]) == {3, 6, 9, 12, 14}


@pytest.mark.slow
def test_weights_and_biases_works_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = new_run(tmp_path / "run")
    train_tiny(run, dataclasses.replace(CONFIG, trackers=("wandb",)))
    (written,) = (run.path / FOLDER).glob("wandb/offline-run-*/run-*.wandb")
    deadline = time.monotonic() + 30  # a process of its own writes it
    while b"validation.loss" not in written.read_bytes():
        assert time.monotonic() < deadline, f"{written} holds {written.stat().st_size} bytes"
        time.sleep(0.1)
    assert b"steps_per_second" in written.read_bytes()


@pytest.mark.skipif(importlib.util.find_spec("trackio") is None, reason="trackio is not installed")
def test_trackio_has_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    run = new_run(tmp_path / "run")
    train_tiny(run, dataclasses.replace(CONFIG, trackers=("trackio",)))
    assert any((tmp_path / "trackio").iterdir())


def test_a_tracker_that_is_not_installed_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    run = new_run(tmp_path / "run")
    with refused(TrainingError, "trackio", "dlh[trackio]"):
        train_tiny(run, dataclasses.replace(CONFIG, trackers=("trackio",)))
    assert not (run.path / FOLDER).exists() and not run.metrics.read()


def test_an_unknown_tracker_is_refused() -> None:
    with refused(ValueError, "tensorboard", "wandb", "trackio"):
        dataclasses.replace(CONFIG, trackers=("mlflow",))


def test_a_login_that_is_missing_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    wandb = pytest.importorskip("wandb")
    wandb.teardown()
    with refused(TrainingError, "wandb", "WANDB_API_KEY"):
        trackers.require_trackers(dataclasses.replace(CONFIG, trackers=("wandb",)))


def test_a_tracker_that_cannot_be_opened_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        def start(self) -> None:
            raise RuntimeError("the account 4711 is closed")

        def finish(self) -> None:
            raise AttributeError("no run")

    monkeypatch.setattr(trackers, "_tracker", lambda *_: Refusing())
    run = new_run(tmp_path / "run")
    with refused(TrainingError, "tensorboard", "4711"):
        train_tiny(run, dataclasses.replace(CONFIG, trackers=("tensorboard",)))
