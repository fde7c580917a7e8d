"""The benchmarks of training run, on a model too small for their figures to mean anything."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from benchmark_files import load_benchmark
from dlh.models.dlh import decide
from dlh.runs.presets import preset
from dlh.training.run import RunFolder
from reproduction.catalogue import experiments
from reproduction.studies import choices

gpu, training = map(load_benchmark, ("gpu", "training"))


def run(module, monkeypatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", *words])
    module.main()


@pytest.fixture
def nothing_is_compiled(monkeypatch) -> None:
    """What pytest checks of shapes cannot be; that compiling is right is tested elsewhere."""
    monkeypatch.setattr(decide, "_compiled_decide", lambda: decide.decide)
    monkeypatch.setattr("dlh.training.speed.require_compiler", lambda device: None)


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_is_compiled")
def test_the_script_for_a_gpu_can_be_rehearsed_on_a_cpu(workspace, monkeypatch) -> None:
    words = ["--device", "cpu", "--quick", "--rounds", "1", "--most", "2", "--out", "found"]
    run(gpu, monkeypatch, *words, "--train-minutes", "0.001")
    found = json.loads((workspace / "found" / "gpu.json").read_text())
    assert found["device"] == "cpu" and found["batch"]["batch"] == 2
    assert found["check"]["float32"] == 0 and found["check"]["bf16"] < 1e-2
    ways = ("plain", "channels-last", "bf16", "compiled", "bf16-compiled")
    assert all(found["time"][way]["step"] > 0 for way in ways)
    status = RunFolder.open(workspace / "found" / "run").status()
    assert status.state == "interrupted" and status.step == found["train"]["step"] == 10


def test_without_a_gpu_the_script_says_so(monkeypatch) -> None:
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="--device cpu --quick"):
        run(gpu, monkeypatch, "--out", "nowhere")


@pytest.mark.usefixtures("nothing_is_compiled")
def test_speed_and_checkpoints_are_measured(workspace, monkeypatch) -> None:
    words = ["--part", "speed,checkpoints", "--preset", "tiny", "--rounds", "1", "--clips", "2"]
    monkeypatch.setattr(training, "CHECKPOINTS_OF", "tiny")
    run(training, monkeypatch, *words, "--json", "found.json")
    found = json.loads((workspace / "found.json").read_text())
    assert found["speed"]["over_plain"]["plain"] == 1.0 and found["speed"]["batch_size"] == 2
    assert set(found["speed"]["seconds"]) == {"plain", "channels-last", "bf16", "compiled"}
    assert found["speed"]["loop"]["compiled_over_plain"] > 0
    saved = found["checkpoints"]
    share = saved["save_seconds"] / (saved["checkpoint_every"] * saved["step_seconds"])
    assert saved["share"] == pytest.approx(share) and share > 0


def test_the_cost_of_a_choice_is_that_over_its_reference(workspace, monkeypatch, capsys) -> None:
    kinds = ("levels2-seed0", "levels3-seed0", "ablation-vade-seed0", "ablation-no-nesting-seed0")
    small = [
        replace(named, experiment=preset("tiny")) for named in experiments() if named.name in kinds
    ]
    monkeypatch.setattr(choices, "experiments", lambda: small)
    run(choices, monkeypatch, "--rounds", "1", "--json", "found.json")
    rows = json.loads((workspace / "found.json").read_text())
    references = [row["reference"] for row in rows]
    assert references == ["levels2", "levels2", "levels2", "levels3"]
    assert rows[0]["over"] == 1.0 and all(row["over"] > 0 for row in rows)
    assert "| three levels, not nested | levels3 | " in capsys.readouterr().out


def test_an_unknown_part_is_named(monkeypatch, capsys) -> None:
    with pytest.raises(SystemExit):
        run(training, monkeypatch, "--part", "sped")
    assert "there is no part sped; they are speed, memory" in capsys.readouterr().err
