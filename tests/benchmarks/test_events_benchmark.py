"""The benchmark of events runs the commands that it names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark_files import load_benchmark
from dlh.event_files.formats import FORMATS


@pytest.mark.slow
def test_seconds_memory_and_every_size_are_written_down(tmp_path: Path, capsys):
    benchmark = load_benchmark("events")
    benchmark.main(["--minutes", "0.1", "--json", str(tmp_path / "found.json")])
    (row,) = json.loads((tmp_path / "found.json").read_text())
    costs = [row[command] for command in ("alone", "every", "shown")]
    assert row["events"] > 0 and min(value for cost in costs for value in cost.values()) > 0
    formats = {written.suffix.lstrip(".") for written in FORMATS.values()}
    assert set(row["bytes"]) == formats | {"json", "png", "html", "images", "clips"}
    assert min(row["bytes"].values()) > 0
    assert f" {row['events']} " in capsys.readouterr().out
