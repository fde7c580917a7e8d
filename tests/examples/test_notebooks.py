"""The notebooks run, cell by cell, and say what their words promise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

from documentation import ROOT


def run_cells(name: str) -> dict[str, Any]:
    """The names that a notebook of examples/ leaves, after all its code ran in one namespace."""
    cells = json.loads((ROOT / "examples" / f"{name}.ipynb").read_text("utf-8"))["cells"]
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    return names


@pytest.fixture(autouse=True)
def no_windows() -> Any:
    """Figures are drawn in memory, and closed in the end."""
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_the_idea_finds_the_events_and_exchanges_the_colour(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = run_cells("idea")
    said = capsys.readouterr().out
    assert set(names["found"]) == set(names["true"])
    assert re.search(r"frame \d+, [\d.]+ s, surprise [\d.]+ nats", said)
    assert said.count("level 2 changes at steps [") == 4
    assert len(plt.get_fignums()) == 3
    levels = names["states"].shape[1]
    assert levels == 2 and names["futures"].frames.shape == (1, 4, 30, 3, 32, 32)


@pytest.mark.slow
def test_your_videos_end_in_a_table_of_events(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = run_cells("your_videos")
    assert {event["video"] for event in names["events"]} == {"0.mp4", "1.mp4", "2.mp4"}
    assert all(float(event["surprise"]) >= 0 for event in names["events"])
    assert Path("store.png").exists() and Path("found/overview.csv").exists()
    assert f"{len(names['events'])} events" in capsys.readouterr().out
