from __future__ import annotations

import dataclasses
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from dlh.data.clips import Clips
from dlh.training.checkpoint import BEST, checkpoint_files, newest_step, read_checkpoint
from dlh.training.errors import CheckpointError, Interrupted, TrainingError
from dlh.training.loop import train
from dlh.training.metrics import Best, best_of
from dlh.training.run import RunFolder
from refusals import holds, refused
from training.tiny_training import (
    CONFIG,
    TinyModel,
    TinySource,
    assert_same,
    assert_same_run,
    final_metrics,
    new_run,
    train_tiny,
    validate,
    weights,
)


@pytest.mark.parametrize("stop", range(1, 14))
def test_a_run_stopped_at_any_step_and_resumed_equals_an_unbroken_one(
    tmp_path: Path, unbroken: Any, stop: int
) -> None:
    class StopsAt(TinySource):
        def batch(self, step: int, **options: Any) -> Clips:
            if step == stop - 1:
                signal.raise_signal(signal.SIGTERM)  # in the middle of the step
            return super().batch(step, **options)

    run = new_run(tmp_path / "run")
    with pytest.raises(Interrupted) as raised:
        train(TinyModel(), StopsAt(), CONFIG, run, validate=validate)
    assert (raised.value.folder, raised.value.step) == (run.path, stop)
    assert holds(str(raised.value), stop)
    assert newest_step(run.checkpoints) == stop and run.status().state == "interrupted"
    assert train_tiny(run).resumed_from == stop
    assert_same_run(run, unbroken)


@pytest.mark.parametrize("at", [5, 10, 14])  # beside a regular checkpoint, on one, at the end
def test_ctrl_c_during_validation_stops_at_once_and_loses_nothing(
    tmp_path: Path, unbroken: Any, at: int
) -> None:
    def slow(model: TinyModel, step: int) -> dict[str, float]:
        if step == at:
            signal.raise_signal(signal.SIGINT)
            pytest.fail("the validation went on")
        return validate(model, step)

    run = new_run(tmp_path / "run")
    with refused(Interrupted, at):
        train_tiny(run, validate=slow)
    train_tiny(run)
    assert_same_run(run, unbroken)


def test_a_validation_that_fails_loses_nothing(tmp_path: Path, unbroken: Any) -> None:
    def failing(model: TinyModel, step: int) -> dict[str, float]:
        if step == 14:
            raise MemoryError("100 futures are too many")
        return validate(model, step)

    run = new_run(tmp_path / "run")
    with pytest.raises(MemoryError):
        train_tiny(run, validate=failing)
    assert (run.status().state, run.status().message) == ("failed", "100 futures are too many")
    assert newest_step(run.checkpoints) == 14
    train_tiny(run)
    assert_same_run(run, unbroken)


def test_a_source_that_fails_loses_no_step(tmp_path: Path, unbroken: Any) -> None:
    class Failing(TinySource):
        def batch(self, step: int, **options: Any) -> Clips:
            if step == 7:
                raise OSError("the disk with the videos is gone")
            return super().batch(step, **options)

    run = new_run(tmp_path / "run")
    with refused(OSError, "gone") as raised:
        train(TinyModel(), Failing(), CONFIG, run, validate=validate)
    assert raised.value.__notes__ == [
        f"The state of step 7 is saved in {run.checkpoints / 'step-0000007.pt'}."
    ]
    train_tiny(run)
    assert_same_run(run, unbroken)


def test_a_finished_run_is_only_loaded(tmp_path: Path, unbroken: Any) -> None:
    run = new_run(tmp_path / "run")
    first = train_tiny(run)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    model = TinyModel(seed=5)
    again = train_tiny(run, model=model)
    changed = {path.name for path, content in before.items() if path.read_bytes() != content}
    assert changed <= {"status.json", ".lock"} and run.status().state == "finished"
    assert again == dataclasses.replace(first, resumed_from=14)
    state = read_checkpoint(run.checkpoints / "step-0000014.pt")["model"]
    assert_same(dict(state), dict(weights(model)))


def test_a_finished_run_can_be_made_longer(tmp_path: Path) -> None:
    longer = dataclasses.replace(CONFIG, steps=20, validate_every=7, log_every=7)
    run, whole = new_run(tmp_path / "run"), new_run(tmp_path / "whole")
    train_tiny(run, dataclasses.replace(longer, steps=14))
    train_tiny(run, longer)
    train_tiny(whole, longer)
    assert_same_run(run, whole)


def test_fewer_steps_than_were_done_are_refused(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    train_tiny(run)
    with refused(TrainingError, 14, 9):
        train_tiny(run, dataclasses.replace(CONFIG, steps=9))
    assert run.status().state == "finished"


def test_the_configuration_decides_the_learning_rate_not_the_checkpoint(tmp_path: Path) -> None:
    run, model = new_run(tmp_path / "run"), TinyModel()
    train_tiny(run, dataclasses.replace(CONFIG, steps=5))
    train_tiny(run, dataclasses.replace(CONFIG, learning_rate=1e-30), model=model)
    before = read_checkpoint(run.checkpoints / "step-0000012.pt")["model"]
    assert torch.equal(before["encoder.weight"], model.encoder.weight)


def test_a_damaged_newest_checkpoint_costs_only_the_steps_since_the_one_before(
    tmp_path: Path, unbroken: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new_run(tmp_path / "run")
    train_tiny(run)
    newest = run.checkpoints / "step-0000014.pt"
    newest.write_bytes(newest.read_bytes()[:-100])
    result = train_tiny(run)
    assert result.resumed_from == 12 and result.message is not None
    assert holds(result.message, "step-0000014.pt")
    assert result.message in capsys.readouterr().err
    assert_same_run(run, unbroken)


def test_when_all_are_damaged_it_goes_on_from_the_best_one(
    tmp_path: Path, unbroken: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new_run(tmp_path / "run")
    with pytest.raises(Interrupted):
        train_tiny(run, validate=_stopped_at_14)
    for path in checkpoint_files(run.checkpoints):
        path.write_bytes(b"")
    result = train_tiny(run)
    assert result.resumed_from == 10 and holds(str(result.message), "best.pt")
    assert holds(capsys.readouterr().err, "best.pt")
    assert_same_run(run, unbroken)


def _stopped_at_14(model: Any, step: int) -> dict[str, float]:
    if step == 14:
        raise KeyboardInterrupt
    return validate(model, step)


def test_the_best_step_is_known_to_metrics_and_checkpoint(unbroken: Any) -> None:
    held_out = [line for line in unbroken.metrics.read() if "validation.elbo" in line]
    best = max(held_out, key=lambda line: line["validation.elbo"])
    assert best_of(held_out) == Best(step=best["step"], value=best["validation.elbo"])
    assert read_checkpoint(unbroken.checkpoints / BEST)["progress"]["step"] == best["step"]


def best_steps(run: RunFolder) -> tuple[int, int]:
    """Which step is the best one: in metrics.jsonl, and in best.pt."""
    found = best_of(run.metrics.read())
    assert found is not None
    return found.step, read_checkpoint(run.checkpoints / BEST)["progress"]["step"]


@pytest.mark.parametrize("logged", [False, True])
def test_metrics_and_best_checkpoint_agree_though_a_validation_repeated_gives_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: bool
) -> None:
    bounds = {5: -2.0, 10: -1.0, 14: -5.0}
    run = new_run(tmp_path / "run")
    append = run.metrics.append

    def dies(entry: dict[str, Any]) -> None:
        at_10 = entry["step"] == 10 and "validation.elbo" in entry
        if logged or not at_10:
            append(entry)
        if at_10:
            raise MemoryError  # best.pt is that of step 10 already

    monkeypatch.setattr(run.metrics, "append", dies)
    with pytest.raises(MemoryError):
        train_tiny(run, validate=lambda model, step: {"elbo": bounds[step]})
    bounds[10] = -4.0  # as on other hardware
    run = RunFolder.open(run.path)
    train_tiny(run, validate=lambda model, step: {"elbo": bounds[step]})
    assert best_steps(run) == (10, 10)


@pytest.mark.parametrize("content", [None, b"cut off"])
def test_a_best_checkpoint_that_is_lost_is_followed_by_the_next_validation(
    tmp_path: Path, content: bytes | None
) -> None:
    bounds = {5: -2.0, 10: -1.0, 12: -3.0, 14: -4.0}
    run = new_run(tmp_path / "run")
    train_tiny(run, until=12, validate=lambda model, step: {"elbo": bounds[step]})
    assert best_steps(run) == (10, 10)
    (run.checkpoints / BEST).unlink()  # it may be a second name of a checkpoint
    if content is not None:
        (run.checkpoints / BEST).write_bytes(content)
    train_tiny(run, validate=lambda model, step: {"elbo": bounds[step]})
    assert best_steps(run) == (14, 14)


def test_lines_beyond_the_checkpoint_are_dropped_on_resuming(tmp_path: Path, unbroken: Any) -> None:
    class Unplugged(TinySource):
        def batch(self, step: int, **options: Any) -> Clips:
            raise OSError("no data")

    config = dataclasses.replace(CONFIG, keep_checkpoints=100)
    run = new_run(tmp_path / "run")
    train_tiny(run, config)
    for step in (10, 12, 14):  # as a kill between two checkpoints leaves it
        (run.checkpoints / f"step-{step:07d}.pt").unlink()
    with refused(OSError, "no data"):
        train(TinyModel(), Unplugged(), config, run)
    expected = [line for line in final_metrics(unbroken) if line["step"] <= 8]
    assert len(expected) == 3 and final_metrics(run) == expected
    train_tiny(run, config)
    assert_same_run(run, unbroken)


def test_an_existing_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    train_tiny(run)
    with refused(CheckpointError, "model"):
        train_tiny(run, model=TinyModel(width=3))
