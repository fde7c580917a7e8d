"""A batch in parts, one after the other or in several processes, is the batch."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dlh.cli import main
from dlh.interfaces import Share
from dlh.runs.build import build_model, open_source
from dlh.runs.presets import tiny
from dlh.training.checkpoint import newest_step
from dlh.training.config import TrainingConfig
from dlh.training.errors import TrainingError
from dlh.training.iteration import Iterations
from dlh.training.processes import Processes
from dlh.training.run import RunFolder
from refusals import holds, refused

CPU = torch.device("cpu")


def test_the_shares_of_a_batch_are_the_batch() -> None:
    batch = torch.arange(12).reshape(6, 2)
    parts = [Share(index=index, count=3).of(batch) for index in range(3)]
    assert torch.equal(torch.cat(parts), batch)
    assert torch.equal(Share().of(batch), batch)


def gradients(**settings) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """Of one step of the tiny preset in float64, and what was measured in it."""
    experiment = tiny()
    model = build_model(experiment).double()
    config = dataclasses.replace(experiment.training, device="cpu", steps=40, **settings)
    objective = model.objective
    model.objective = lambda video, **options: objective(video.double(), **options)
    figures = Iterations(model, open_source(experiment), config).run(30)
    parameters = model.named_parameters()
    return {n: p.grad for n, p in parameters if p.grad is not None}, figures


@pytest.fixture(scope="module")
def whole() -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    return gradients(accumulate=1, speed="plain")


@pytest.mark.parametrize("parts", [2, 4])
def test_a_step_in_parts_has_the_gradients_and_figures_of_the_whole(whole, parts: int) -> None:
    one, figures = whole
    other, measured = gradients(accumulate=parts, speed="plain")
    assert one.keys() == other.keys() and len(one) > 30
    for name, gradient in one.items():
        torch.testing.assert_close(other[name], gradient, rtol=1e-9, atol=1e-12)
    timings = {"wait_seconds"}
    assert measured.keys() == figures.keys()
    for name in figures.keys() - timings:
        assert measured[name] == pytest.approx(figures[name], rel=1e-9), name


def test_the_layout_in_memory_changes_nothing(whole) -> None:
    other, _ = gradients(speed="channels-last")
    for name, gradient in whole[0].items():
        torch.testing.assert_close(other[name], gradient, rtol=1e-9, atol=1e-12)


def test_unequal_parts_are_refused() -> None:
    with refused(ValueError, "batch_size", 10, 4, 2, 5):
        TrainingConfig(batch_size=10, accumulate=4)
    processes = Processes(CPU)
    processes.count = 3
    config = TrainingConfig(batch_size=10)
    with refused(TrainingError, 10, 3):
        processes.shares(config)


def dlh(*words: str, folder: Path, torchrun: bool = False, **options) -> subprocess.Popen:
    """The command in a process of its own, or in two that torchrun starts."""
    program = [sys.executable, "-m", "dlh"]
    if torchrun:
        script = str(Path(sys.executable).with_name("dlh"))
        program[1:] = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--", script]
    return subprocess.Popen(
        [*program, *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.slow
@pytest.mark.parametrize("torchrun", [False, True])
def test_two_processes_train_what_one_trains(workspace: Path, torchrun: bool) -> None:
    """The command itself, in all stages: two processes make a step of this size slower."""
    later = "--training.later-steps 3 2 --model.dynamics.clips 8 --model.dynamics.batch-size 4"
    short = ["train", "tiny", "--steps", "6", "--training.validate-every", "0", "--speed", "plain"]
    short += [*later.split(), "--model.dynamics.clip-length", "12"]
    count = [] if torchrun else ["--num-processes", "2"]
    both = dlh(*short, "--run", "two", *count, folder=workspace, torchrun=torchrun)
    assert main([*short, "--run", "one"]) == 0
    assert both.wait(300) == 0, both.communicate()[1]
    assert "training in 2 processes on cpu" in both.communicate()[1]
    one, two = (load_file(workspace / name / "model.safetensors") for name in ("one", "two"))
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, rtol=1e-5, atol=1e-6)
    stages = [line.get("stage") for line in RunFolder.open(workspace / "two").metrics.read()]
    assert {"dynamics", "events"} <= set(stages)


@pytest.mark.slow
def test_two_processes_told_to_stop_save_first(workspace: Path) -> None:
    """SIGTERM to the command reaches the leader, which saves; the other one ends with it."""
    both = dlh(
        *("train", "tiny", "--steps", "100000", "--training.log-every", "1"),
        *("--training.validate-every", "0", "--run", "run", "--num-processes", "2"),
        folder=workspace,
    )
    metrics = workspace / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (metrics.exists() and metrics.read_text()):
        assert both.poll() is None, both.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    both.send_signal(signal.SIGTERM)
    _, said = both.communicate(timeout=60)
    assert both.returncode == 130
    assert "Traceback" not in said
    step = newest_step(workspace / "run" / "checkpoints")
    assert step > 0 and holds(said, step)
