"""The study of the gradient's norm forks a run and changes nothing else."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from dlh.runs.presets import tiny
from dlh.training.run import RunFolder
from reproduction.studies import gradient_norm as benchmark

KEY = "validation.events.recall"


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


def test_the_table_comes_from_a_job_in_the_background_too(workspace, monkeypatch, capsys):
    training = replace(tiny().training, steps=9, validate_every=2)
    small = SimpleNamespace(name="small", experiment=replace(tiny(), training=training))
    monkeypatch.setattr(benchmark, "experiments", lambda: [small])
    words = "small --seed 3 --at 2 --until 4 --norms 1000 0.5 --out forks"
    monkeypatch.setattr(sys, "argv", ["gradient_norm.py", *words.split()])
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        benchmark.main()
    finally:
        signal.signal(signal.SIGINT, before)
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in table[2:]] == ["1000", "0.5"]
    assert [line["step"] for line in losses("forks/base")] == [1, 2]
    assert [line["step"] for line in losses("forks/norm-0.5")] == [1, 2, 3, 4, 5]


def losses(folder: str) -> list[dict]:
    return [line for line in RunFolder(Path(folder)).metrics.read() if "loss" in line]
