from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlh.training.errors import RunFolderError
from dlh.training.metrics import Best, Metrics, best_of
from refusals import refused


def written(path: Path, *entries: dict[str, Any]) -> Metrics:
    metrics = Metrics(path / "metrics.jsonl")
    for entry in entries:
        metrics.append(entry)
    return metrics


TRAINED = [{"step": step, "loss": float(step)} for step in (3, 6, 9)]
HELD_OUT = [{"step": step, "validation.loss": float(step)} for step in (3, 6, 9)]


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    assert written(tmp_path, *TRAINED, *HELD_OUT).read() == [*TRAINED, *HELD_OUT]


def test_no_file_is_no_lines(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl")
    assert metrics.read() == [] and metrics.rewind(step=0, validated=0) == 0
    assert not metrics.path.exists()


def test_what_is_not_finite_is_null_as_json_has_no_nan(tmp_path: Path) -> None:
    entry = {"step": 1, "loss": float("nan"), "validation.deep": [float("inf"), {"a": 1.5}]}
    metrics = written(tmp_path, entry)
    assert (
        metrics.path.read_text()
        == '{"step": 1, "loss": null, "validation.deep": [null, {"a": 1.5}]}\n'
    )


@pytest.mark.parametrize("torn", ['{"step": 12, "lo', '{"step": 12}', "{"])
def test_a_half_written_last_line_is_left_out_and_dropped(tmp_path: Path, torn: str) -> None:
    metrics = written(tmp_path, *TRAINED)
    with open(metrics.path, "a") as file:
        file.write(torn)
    assert metrics.read() == TRAINED
    assert metrics.rewind(step=100, validated=0) == 1
    metrics.append({"step": 12, "loss": 1.0})
    assert metrics.read() == [*TRAINED, {"step": 12, "loss": 1.0}]


def test_another_damaged_line_is_named(tmp_path: Path) -> None:
    metrics = written(tmp_path, *TRAINED)
    metrics.path.write_text("[1]\n" + metrics.path.read_text())
    with refused(RunFolderError, 1, "metrics.jsonl", "[1]"):
        metrics.read()
    assert metrics.rewind(step=9, validated=9) == 1
    assert metrics.read() == TRAINED


def test_rewinding_drops_each_kind_of_line_after_its_own_step(tmp_path: Path) -> None:
    metrics = written(tmp_path, *TRAINED, *HELD_OUT)
    assert metrics.rewind(step=6, validated=3) == 3
    assert metrics.read() == [*TRAINED[:2], HELD_OUT[0]]


def test_rewinding_past_the_end_does_not_touch_the_file(tmp_path: Path) -> None:
    metrics = written(tmp_path, *TRAINED)
    before = metrics.path.stat().st_ino
    assert metrics.rewind(step=9, validated=0) == 0
    assert metrics.path.stat().st_ino == before


def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").mkdir()
    with refused(RunFolderError, "metrics.jsonl"):
        written(tmp_path, *TRAINED)


def test_the_best_validation_is_the_one_that_the_last_line_names() -> None:
    lines = [
        {"step": 3, "loss": 1.0},
        {"step": 3, "validation.elbo": -2.0, "best_step": 3},
        {"step": 6, "validation.elbo": -1.0, "best_step": 6},
        {"step": 9, "validation.elbo": -4.0, "best_step": 6},
    ]
    assert best_of(lines) == Best(step=6, value=-1.0)
    assert best_of(lines[:2]) == Best(step=3, value=-2.0)
    assert best_of(lines[:1]) is None and best_of([]) is None
    lines.append({"step": 12, "validation.elbo": -3.0, "best_step": 12})  # on other clips
    assert best_of(lines) == Best(step=12, value=-3.0)
    assert best_of([{"step": 3, "validation.elbo": None, "best_step": 3}]) is None
