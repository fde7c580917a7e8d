from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from dlh.commands.train import resume, start
from dlh.errors import UsageError
from dlh.interfaces import CompilationError, Objective
from dlh.models.dlh import decide
from dlh.runs.build import build_model
from dlh.runs.presets import tiny
from dlh.training import speed
from dlh.training.errors import Interrupted, TrainingError
from dlh.training.speed import describe, lay_out, resolve, uncompiled
from refusals import holds, refused
from training.tiny_training import CONFIG, TinyModel, new_run, train_tiny

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
    for asked in ("plain", "bf16", "compiled", "bf16-compiled"):
        assert resolve(asked, CPU) == asked


@pytest.mark.parametrize(
    "has_bf16, compiles, chosen",
    [
        (True, True, "bf16-compiled"),
        (False, True, "compiled"),
        (True, False, "bf16"),
        (False, False, "channels-last"),
    ],
)
def test_auto_compiles_on_a_gpu_where_something_can_be_compiled(
    monkeypatch, has_bf16: bool, compiles: bool, chosen: str
) -> None:
    def trial(device: torch.device) -> None:
        if not compiles:
            raise CompilationError("TritonMissing: no Triton")

    monkeypatch.setattr(speed, "multiplies_bf16", lambda device: has_bf16)
    monkeypatch.setattr(speed, "require_compiler", trial)
    assert resolve("auto", torch.device("cuda")) == chosen


def test_a_compiled_way_computes_its_convolutions_as_the_one_it_is_named_after() -> None:
    assert [uncompiled(way) for way in ("compiled", "bf16-compiled", "bf16", "plain")] == [
        *("channels-last", "bf16", "bf16", "plain")
    ]
    for way in ("compiled", "bf16-compiled"):
        assert describe(way).startswith(f"{describe(uncompiled(way))}; the loop over time compiled")


def test_the_layout_is_that_of_the_weights(model) -> None:
    weight = model.encoder.convolutions[2].weight
    lay_out(model, "channels-last")
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    lay_out(model, "plain")
    assert weight.is_contiguous()


def test_the_layout_of_a_convolution_over_time_too() -> None:
    convolution = torch.nn.Conv3d(2, 3, 3)
    weight, numbers = convolution.weight, convolution.weight.detach().clone()
    lay_out(convolution, "channels-last")
    assert weight.is_contiguous(memory_format=torch.channels_last_3d)
    assert not weight.is_contiguous()
    assert torch.equal(weight, numbers)
    lay_out(convolution, "plain")
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
    assert objective["reconstruction"].dtype == objective["state_kl"].dtype == torch.float32
    exact = model.objective(video, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        objective["reconstruction"], exact["reconstruction"], rtol=1e-3, atol=1.0
    )  # nats of 768 pixels
    with torch.autocast("cpu", torch.bfloat16):
        trace = observed(model, video)
    assert trace.state.dtype == trace.posterior.std.dtype == torch.float32


@pytest.mark.usefixtures("little_to_measure")
@pytest.mark.slow
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


COMPILED = dataclasses.replace(CONFIG, speed="compiled")


@pytest.fixture
def compiler(monkeypatch) -> None:
    """One that gives back what it gets: what pytest checks of shapes cannot be compiled."""
    monkeypatch.setattr(speed, "require_compiler", lambda device: None)
    monkeypatch.setattr(decide, "_compiled_decide", lambda: decide.decide)


@pytest.fixture
def no_compiler(monkeypatch) -> None:
    def refuse(device: torch.device) -> None:
        raise CompilationError("InvalidCxxCompiler: none was found")

    monkeypatch.setattr(speed, "require_compiler", refuse)


@pytest.mark.slow
def test_without_a_compiler_the_command_says_so_before_it_begins(workspace: Path) -> None:
    """The command itself, where CXX names nothing that is there."""
    done = subprocess.run(
        [sys.executable, "-m", "dlh", "train", "tiny", "--speed", "compiled", "--run", "run"],
        env={**os.environ, "CXX": "/nowhere/c++", "TORCHINDUCTOR_CACHE_DIR": str(workspace)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and not (workspace / "run").exists()
    (line,) = done.stderr.splitlines()
    assert holds(line, "--speed", "compiled", "/nowhere/c++", "channels-last")
    assert holds(line, "No working C++ compiler found in", "'/nowhere/c++'))", "it needs a C++")
    assert line.endswith("install them, or use --speed channels-last, which computes the same")


class Notes(TinyModel):
    """A model that notes whether it was to compile, and cannot from its third step on."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.asked: list[bool] = []
        self.fails = fails

    def objective(self, video: torch.Tensor, **options: Any) -> Objective:
        self.asked.append("execution" in options and options["execution"].compiled)
        if self.fails and self.asked.count(True) > 2:
            raise CompilationError("CppCompileError: x.cpp:1: error: no room")
        return super().objective(video, **options)


@pytest.mark.usefixtures("compiler")
def test_training_steps_are_compiled_and_nothing_else(tmp_path: Path) -> None:
    model = Notes()
    config = dataclasses.replace(COMPILED, steps=4, validate_every=2)
    train_tiny(new_run(tmp_path / "run"), config, model=model)
    assert model.asked == [True, True, False, True, True, False]
    model = Notes()
    train_tiny(new_run(tmp_path / "plain"), dataclasses.replace(config, speed="plain"), model=model)
    assert not any(model.asked)


@pytest.mark.usefixtures("compiler")
def test_what_fails_to_compile_later_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    config = dataclasses.replace(COMPILED, validate_every=0, checkpoint_every=100)
    run = new_run(tmp_path / "run")
    with refused(TrainingError, "--speed", "compiled", "CppCompileError"):
        train_tiny(run, config, model=Notes(fails=True))
    assert run.status().state == "failed" and run.status().step == 2
    assert [path.name for path in run.checkpoints.glob("step-*")] == ["step-0000002.pt"]


@pytest.mark.usefixtures("compiler")
def test_ctrl_c_that_also_reached_the_compiler_is_an_interruption(tmp_path: Path) -> None:
    class Stopped(Notes):
        def objective(self, video: torch.Tensor, **options: Any) -> Objective:
            if self.asked.count(True) == 2:
                signal.raise_signal(signal.SIGINT)
            return super().objective(video, **options)

    config = dataclasses.replace(COMPILED, validate_every=0, checkpoint_every=100)
    run = new_run(tmp_path / "run")
    with refused(Interrupted, 2):
        train_tiny(run, config, model=Stopped(fails=True))
    assert run.status().state == "interrupted"


@pytest.mark.usefixtures("no_compiler")
def test_python_callers_are_told_too(tmp_path: Path) -> None:
    with refused(TrainingError, "--speed", "compiled", "InvalidCxxCompiler"):
        train_tiny(new_run(tmp_path / "run"), COMPILED)


def asking(**settings):
    return lambda saved: dataclasses.replace(
        saved, training=dataclasses.replace(saved.training, **settings)
    )


@pytest.mark.usefixtures("little_to_measure")
@pytest.mark.slow
def test_a_compiled_run_stays_so_and_can_go_on_where_there_is_no_compiler(
    tmp_path: Path, monkeypatch, capsys, request
) -> None:
    settings = {"steps": 2, "held_out_clips": 0, "speed": "compiled"}
    run, quiet = tmp_path / "run", {"say": lambda line: None}
    request.getfixturevalue("compiler")
    start(asking(**settings)(tiny()), run, **quiet)
    assert "float32, channels last; the loop over time compiled" in capsys.readouterr().err
    resume(run, change=asking(steps=3), **quiet)
    assert "the loop over time compiled" in capsys.readouterr().err

    request.getfixturevalue("no_compiler")
    before = (run / "experiment.json").read_bytes()
    with refused(TrainingError, "--speed", "channels-last"):
        resume(run, change=asking(steps=4), **quiet)
    with refused(UsageError, "training.speed", "compiled", "bf16"):
        resume(run, change=asking(steps=4, speed="bf16"), **quiet)
    assert (run / "experiment.json").read_bytes() == before
    resume(run, change=asking(steps=4, speed="channels-last"), **quiet)
    assert "compiled" not in capsys.readouterr().err
    saved = json.loads((run / "experiment.json").read_text())
    assert saved["history"][-1]["changed"]["training.speed"] == {
        "from": "compiled",
        "to": "channels-last",
    }
