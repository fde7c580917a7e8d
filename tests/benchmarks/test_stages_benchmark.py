"""The benchmark of the later stages runs, on a model too small for its figures to mean anything."""

from __future__ import annotations

import json
import sys

from benchmark_files import load_benchmark

stages = load_benchmark("stages")


def test_every_side_is_timed(workspace, monkeypatch) -> None:
    words = ["--preset", "tiny", "--rounds", "2", "--clips", "4", "--clip-length", "6"]
    words += ["--batch-size", "2", "--json", "found.json"]
    monkeypatch.setattr(sys, "argv", ["benchmark", *words])
    stages.main()
    found = json.loads((workspace / "found.json").read_text())
    assert found["frames_of_an_update"] == {"joint": 40, "dynamics": 12, "events": 12}
    assert all(seconds > 0 for seconds in found["seconds_per_frame"].values())
    assert all(ratio > 0 for ratio in found["over_joint"].values())
    assert found["keeping_over_joint"] >= 0
