"""The study of emergence measures what it says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from reproduction.studies import emergence


def test_starts_are_counted_world_by_world():
    rows = [
        {"world": "lambda 0", "f1": 1.0},
        {"world": "lambda 0.1", "f1": 0.97},
        {"world": "lambda 0", "f1": 0.98},
    ]
    assert emergence.summary(rows) == [
        ["lambda 0", "2", "2", "0.980"],
        ["lambda 0.1", "1", "0", "0.970"],
    ]


def test_a_run_has_a_record_with_its_world_and_its_course(finished, workspace, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["emergence", str(finished), "--clips", "6", "--out", "e.json"]
    )
    emergence.main()
    (record,) = json.loads(Path("e.json").read_text())
    assert record["world"] == "lambda 0, 16 px, std 1"
    assert 0 <= record["f1"] <= 1 and list(record["f1_by_step"])[-1] == "20"
    assert "lambda 0, 16 px, std 1" in capsys.readouterr().out
