"""The benchmark of CW-VAE measures what it says."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest

from benchmark_files import load_benchmark
from dlh.models.cwvae import CWVAEConfig


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """benchmarks/cwvae.py as a module."""
    return load_benchmark("cwvae")


@pytest.mark.slow
def test_what_was_measured_is_written_down(benchmark, monkeypatch, tmp_path, capsys):
    small = CWVAEConfig(height=16, width=16, clock_factor=2, dense_size=7)
    monkeypatch.setattr(benchmark, "mazes", lambda: small)
    monkeypatch.setattr(benchmark, "CLIPS", 2)
    monkeypatch.setattr(benchmark, "FRAMES", 3)
    target = tmp_path / "cwvae.json"
    monkeypatch.setattr(sys, "argv", ["cwvae.py", "--rounds", "2", "--json", str(target)])
    benchmark.main()
    found = json.loads(target.read_text())
    assert (found["clips"], found["frames"], found["size"], found["threads"]) == (2, 3, 16, 1)
    assert found["trained_speed"] in ("channels-last", "bf16")
    speeds = found["frames_a_second"]
    assert set(speeds) == {"cwvae", "dlh", "transcription", "cwvae_trained", "dlh_trained"}
    ratios = [value for name, value in found.items() if "_over_" in name]
    assert len(ratios) == 3 and min(*ratios, *speeds.values()) > 0
    printed = capsys.readouterr().out
    assert f"{found['speed_over_dlh']:.2f}" in printed
