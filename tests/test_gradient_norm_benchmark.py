"""The benchmark of the gradient's norm forks a run and changes nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmark_files import load_benchmark
from dlh.experiments.presets import tiny
from dlh.training.run import RunFolder

KEY = "validation.events.recall"
benchmark = load_benchmark("gradient_norm")


def test_only_the_limit_differs_after_the_fork(workspace):
    training = replace(tiny().training, steps=12, validate_every=2, gradient_norm=1000.0)
    experiment = benchmark.train_to(replace(tiny(), training=training), 4, Path("base"))
    assert [line["step"] for line in losses("base")] == [1, 2, 3, 4]
    found = {
        norm: benchmark.continued(
            experiment, Path("base"), norm, at=4, until=8, folder=Path(f"norm-{norm:g}")
        )
        for norm in (1000.0, 1e-9)
    }
    free, held = losses("norm-1000"), losses("norm-1e-09")
    assert [line["step"] for line in free] == [line["step"] for line in held] == list(range(1, 10))
    assert [line["loss"] for line in free[:5]] == [line["loss"] for line in held[:5]]
    assert free[5]["loss"] != held[5]["loss"]
    for norm, lines in ((1000.0, free), (1e-9, held)):
        assert found[norm].largest_norm == max(line["gradient_norm"] for line in lines[4:8])
        assert found[norm].largest_loss == max(line["loss"] for line in lines[4:8])
        assert found[norm].last_loss == lines[7]["loss"]
        validated = [v for v in RunFolder(Path(f"norm-{norm:g}")).metrics.read() if KEY in v]
        assert validated[-1]["step"] == 8
        assert found[norm].recall == validated[-1][KEY]


def losses(folder: str) -> list[dict]:
    return [line for line in RunFolder(Path(folder)).metrics.read() if "loss" in line]
