from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from dlh.experiments.build import build_model
from dlh.experiments.presets import tiny
from dlh.experiments.run import resume, start
from dlh.training import speed
from dlh.training.speed import lay_out, resolve

CPU = torch.device("cpu")


def observed(model, video):
    trace, _ = model.observe(video, generator=torch.Generator().manual_seed(1))
    return trace


@pytest.fixture
def model():
    return build_model(tiny())


@pytest.fixture
def video():
    return torch.rand(3, 6, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("has_it, chosen", [(True, "bf16"), (False, "channels-last")])
def test_auto_goes_by_what_the_hardware_has(monkeypatch, has_it: bool, chosen: str) -> None:
    monkeypatch.setattr(speed, "multiplies_bf16", lambda device: has_it)
    assert resolve("auto", CPU) == chosen
    assert resolve("plain", CPU) == "plain" and resolve("bf16", CPU) == "bf16"


def test_the_layout_is_that_of_the_weights(model) -> None:
    weight = model.encoder.convolutions[2].weight
    lay_out(model, "channels-last")
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    lay_out(model, "plain")
    assert weight.is_contiguous()


def test_under_autocast_only_the_convolutions_leave_full_precision(model, video) -> None:
    seen: dict[str, set[torch.dtype]] = {}

    def note(name):
        return lambda module, given, result: seen.setdefault(name, set()).add(result.dtype)

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            module.register_forward_hook(note(name))
    with torch.autocast("cpu", torch.bfloat16):
        objective = model.objective(video, generator=torch.Generator().manual_seed(1))
    half = {name for name, dtypes in seen.items() if dtypes == {torch.bfloat16}}
    assert half and all(name.startswith(("encoder.", "decoder.")) for name in half)
    assert {"encoder.convolutions.0", "decoder.convolutions.2"} <= half
    others = {name for name in seen if name.startswith("levels.")}
    assert others and all(seen[name] == {torch.float32} for name in others)
    assert objective.reconstruction.dtype == objective.state_kl.dtype == torch.float32
    exact = model.objective(video, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        objective.reconstruction, exact.reconstruction, rtol=1e-3, atol=1.0
    )  # nats of 768 pixels
    with torch.autocast("cpu", torch.bfloat16):
        trace = observed(model, video)
    assert trace.state.dtype == trace.posterior.std.dtype == torch.float32


def test_how_a_run_computes_is_written_down_and_kept(tmp_path: Path, monkeypatch, capsys) -> None:
    experiment = tiny()
    short = dataclasses.replace(experiment.training, steps=2, held_out_clips=0)
    monkeypatch.setattr(speed, "multiplies_bf16", lambda device: True)
    run = tmp_path / "run"
    start(dataclasses.replace(experiment, training=short), run, say=lambda line: None)
    assert "convolutions in bfloat16, channels last; all else in float32" in capsys.readouterr().err
    monkeypatch.setattr(speed, "multiplies_bf16", lambda device: False)

    def longer(saved):
        return dataclasses.replace(saved, training=dataclasses.replace(saved.training, steps=3))

    resume(run, change=longer, say=lambda line: None)
    assert "convolutions in bfloat16" in capsys.readouterr().err
    saved = json.loads((run / "experiment.json").read_text())
    assert saved["experiment"]["training"]["speed"] == "bf16"
