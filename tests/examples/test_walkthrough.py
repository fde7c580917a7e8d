"""The example runs, from its first cell to its last, with a model that is too small to learn."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from dlh.training.errors import Interrupted
from dlh.training.run import EXPERIMENT, RunFolder

EXAMPLE = Path(__file__).parents[2] / "examples" / "walkthrough.py"


def test_the_walkthrough_runs_and_draws(
    workspace: Path,
    little_to_measure: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--fast"])
    monkeypatch.setattr("dlh.reports.figures.canvas.DOTS_PER_INCH", 30)
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    said = capsys.readouterr().out
    assert said.count("levels change at a step") == 2 + 1  # two validations, and the summary
    assert "level 2: pixel variance" in said and "of predicted frames have a ball" in said
    pictures = sorted(path.name for path in Path("runs/walkthrough-fast").glob("walkthrough-*.png"))
    assert pictures == [
        "walkthrough-events.png",
        "walkthrough-futures.png",
        "walkthrough-levels.png",
    ]


def test_a_fast_walk_does_not_stand_in_the_way_of_a_whole_one(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def start(experiment, folder, **options) -> None:
        begun.append((folder, experiment.preset))
        RunFolder.create(folder).write_json(EXPERIMENT, {})
        raise Interrupted(folder=folder, step=0)

    monkeypatch.setattr("dlh.commands.train.start", start)
    for words in (["--fast"], []):
        monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *words])
        with pytest.raises(Interrupted):
            runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert begun == [
        (Path("runs/walkthrough-fast"), "tiny"),
        (Path("runs/walkthrough"), "moving-ball"),
    ]
