"""The benchmark of the evaluation measures what it says, with sizes that mean nothing."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest

from benchmark_files import load_benchmark

pytest.importorskip("mlxtend")


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """benchmarks/evaluation.py as a module."""
    return load_benchmark("evaluation")


def test_every_part_is_measured_and_written_down(benchmark, monkeypatch, tmp_path, capsys):
    target = tmp_path / "evaluation.json"
    words = ["evaluation.py", "--quick", "--rounds", "1", "--json", str(target)]
    monkeypatch.setattr(sys, "argv", words)
    benchmark.main()
    figures = json.loads(target.read_text())
    assert figures.keys() == {"agreement", "cost", "growth", "floors"}
    for row in figures["agreement"]:
        assert max(row["ssim"], row["ssim_legacy"]) < (
            1e-6 if row["precision"] == "float64" else 1e-4
        )
    parts = {part["part"]: part for part in figures["cost"]["parts"]}
    assert parts["decoding"]["over_decoding"] == 1
    assert parts.keys() >= {"prediction", "psnr", "ssim", "ssim_legacy", "psnr and both ssims"}
    assert figures["growth"]["samples"][1]["per_sample_over_one"] > 0
    rows = figures["floors"]["rows"]
    assert rows["oracle"]["psnr"]["best"] == pytest.approx(100)
    assert rows["model"]["psnr"]["not_computed"] == "no model"
    assert "| best of other clips |" in capsys.readouterr().out
