"""The benchmark of transposed convolutions compares what computes the same."""

from __future__ import annotations

import torch

from benchmark_files import load_benchmark


def test_both_sides_compute_the_same_and_every_case_has_its_ratios(monkeypatch, capsys):
    benchmark = load_benchmark("decoder")
    case = benchmark.Case(size=64, levels=2, batch=1, frames=3, convolutions=(2, 2, 2, 2))
    ours, video, _ = case.build()
    made = []
    for model in (ours, benchmark.with_nets_of_torch(ours)):
        random = torch.Generator().manual_seed(0)
        with torch.no_grad():
            made.append(model.predict(video, horizon=2, samples=2, generator=random).frames)
    torch.testing.assert_close(*made, rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(benchmark, "CASES", (case,))
    for name in ("SAMPLES", "HORIZON", "CONTEXT"):
        monkeypatch.setattr(benchmark, name, 2)
    monkeypatch.setattr("sys.argv", ["decoder.py", "--rounds", "1"])
    benchmark.main()
    *_, row = capsys.readouterr().out.splitlines()
    assert row.startswith(f"| {case} | 2, 2, 2, 2 |")
    assert all(float(cell) > 0 for cell in row.strip("| ").split(" | ")[2:])
