"""What no benchmark can do is refused before anything is timed."""

from __future__ import annotations

import sys

import pytest

from benchmark_files import load_benchmark
from refusals import holds


@pytest.mark.parametrize(
    "name, option",
    [
        ("cwvae", "--threads"),
        ("cwvae", "--rounds"),
        ("data", "--rounds"),
        ("evaluation", "--rounds"),
        ("decoder", "--threads"),
        ("decoder", "--rounds"),
        ("step", "--threads"),
        ("step", "--rounds"),
    ],
)
def test_no_thread_and_no_round_are_refused(name, option, monkeypatch, capsys):
    benchmark = load_benchmark(name)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", option, "0"])
    with pytest.raises(SystemExit, match="2"):
        benchmark.main()
    assert holds(capsys.readouterr().err, 0)
