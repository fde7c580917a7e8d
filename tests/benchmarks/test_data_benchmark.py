"""The benchmark of the data measures what it says; how fast it is, no test can say."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import numpy as np
import pytest

from benchmark_files import BENCHMARKS, load_benchmark

KEYS = {
    "store": {
        "batch", "frames", "size", "megabytes_a_second", "over_same_bytes", "over_a_row",
    },
    "wait": {
        "preset", "data", "batch", "frames", "size", "threads", "wait_milliseconds", "share",
    },
    "import": {
        "kind", "width", "height", "channels", "files", "frames", "threads", "frames_a_second",
        "over_plain", "over_plain_processor", "over_side", "over_side_processor",
    },
    "memory": {"frames", "width", "height", "peak_megabytes"},
    "generators": {"data", "batch", "frames", "size", "clips_a_second"},
    "verify": {"megabytes", "megabytes_a_second"},
}  # fmt: skip


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """benchmarks/data.py as a module."""
    return load_benchmark("data")


@pytest.mark.parametrize("part", KEYS)
def test_what_was_measured_is_written_down(benchmark, monkeypatch, tmp_path, capsys, part):
    target = tmp_path / "data.json"
    monkeypatch.syspath_prepend(str(BENCHMARKS))  # a process that it starts imports from there
    monkeypatch.setattr(sys, "argv", ["data.py", "--part", part, "--quick", "--json", str(target)])
    benchmark.main()
    report = json.loads(target.read_text())
    assert report.keys() == {"av", "numpy", part}
    rows = report[part]
    assert rows and all(row.keys() == KEYS[part] for row in rows)
    measured = [row[key] for row in rows for key in row if not isinstance(row[key], str)]
    assert all(value > 0 and np.isfinite(value) for value in measured)
    if part == "wait":
        assert all(row["share"] < 1 for row in rows)
        assert {"moving-ball", "videos"} == {row["preset"] for row in rows}
    if part == "import":
        assert [row["frames"] for row in rows] == [16] * len(rows)
        assert {row["channels"] for row in rows} == {1, 3}
    if part == "memory":
        assert [row["frames"] for row in rows] == [50, 200]
    printed = capsys.readouterr().out
    assert printed.count("\n|") == len(rows) + 2


def test_a_ratio_is_the_median_of_the_rounds_and_of_the_rates(benchmark):
    mine = [(2.0, 1.0), (4.0, 1.0), (9.0, 1.0)]
    theirs = [(1.0, 3.0), (1.0, 2.0), (9.0, 1.0)]
    assert benchmark.ratio(mine, theirs) == 0.5  # half as fast
    assert benchmark.ratio(mine, theirs, clock=1) == 2.0


def test_sides_take_turns_after_a_round_to_warm_up(benchmark):
    order = []
    sides = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    times = benchmark.take_turns(sides, 2)
    assert order == ["a", "b"] * 3
    assert {name: len(found) for name, found in times.items()} == {"a": 2, "b": 2}
