"""The benchmark of a training step measures what it says."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark_files import load_benchmark


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """benchmarks/step.py as a module."""
    return load_benchmark("step")


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_arithmetic_alone_is_the_arithmetic_of_a_step(benchmark, levels):
    """As many multiply-adds, forward and backward, to within one in two hundred."""
    case = benchmark.Case(size=16, levels=levels, batch=2, frames=16, convolutions=(4, 4, 4, 4))
    model, video, noise = case.build()
    counted = {}
    arithmetic = benchmark.arithmetic(model, video, noise)
    for step in (benchmark.training_step, arithmetic, benchmark.convolutions):
        model.zero_grad(set_to_none=True)
        with FlopCounterMode(display=False) as counter:
            step(model, video, noise)
        counted[step] = counter.get_total_flops()
    mine = counted[benchmark.training_step]
    assert counted[arithmetic] == pytest.approx(mine, rel=0.005)
    assert counted[benchmark.convolutions] < mine


@pytest.mark.slow
def test_what_was_measured_is_written_down(benchmark, monkeypatch, tmp_path, capsys):
    case = benchmark.Case(size=16, levels=2, batch=2, frames=3, convolutions=(4, 4, 4, 4))
    monkeypatch.setattr(benchmark, "CASES", (case,))
    target = tmp_path / "step.json"
    arguments = ["step.py", "--threads", "1", "--rounds", "2", "--json", str(target)]
    monkeypatch.setattr(sys, "argv", arguments)
    benchmark.main()
    (measured,) = json.loads(target.read_text())["cases"]
    assert measured.keys() == {
        "size", "levels", "batch", "frames", "threads", "speed", "precision", "seconds",
        "change_rates", "step_over_arithmetic", "step_over_convolutions", "step_over_transcription",
        "trained_speed", "trained_over_arithmetic", "trained_over_fast",
        "trained_over_nets_of_torch",
    }  # fmt: skip
    assert (measured["speed"], measured["precision"], measured["threads"]) == (
        "plain",
        "float32",
        1,
    )
    assert (measured["size"], measured["levels"], measured["batch"], measured["frames"]) == (
        16,
        2,
        2,
        3,
    )
    assert measured["trained_speed"] in ("channels-last", "bf16")
    ratios = [value for name, value in measured.items() if "_over_" in name]
    assert len(ratios) == 6 and min(*ratios, measured["seconds"]) > 0
    assert "2 x 3 frames, 16 px, N = 2" in capsys.readouterr().out


def test_the_other_ways_to_compute_compute_the_same(benchmark):
    case = benchmark.Case(size=64, levels=2, batch=1, frames=2, convolutions=(4, 4, 4, 4))
    model, video, _ = case.build()
    frames = model.decoder(model.encoder(video.flatten(0, 1)))
    torch_alone = benchmark.with_nets_of_torch(model)
    assert type(torch_alone.decoder.convolutions[0]) is torch.nn.ConvTranspose2d
    torch.testing.assert_close(
        torch_alone.decoder(torch_alone.encoder(video.flatten(0, 1))), frames
    )
    fast, fast_video = benchmark.as_trained(model, video)
    assert torch.equal(fast_video, video) and not fast_video.is_contiguous()
    torch.testing.assert_close(fast.decoder(fast.encoder(fast_video.flatten(0, 1))), frames)
    assert type(model.decoder.convolutions[0]) is not torch.nn.ConvTranspose2d


def test_growth_is_measured_in_a_process_of_its_own(benchmark):
    case = benchmark.Case(size=16, levels=2, batch=2, frames=3, convolutions=(4, 4, 4, 4))
    found = benchmark.grow(case, rounds=1, threads=1)
    assert found["seconds"] > 0 and found["peak_megabytes"] > found["step_megabytes"] >= 0
