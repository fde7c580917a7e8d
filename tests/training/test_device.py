from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from dlh.training.device import choose_device, describe_device, memory_used
from dlh.training.errors import TrainingError
from refusals import refused


@pytest.fixture
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("without_gpu")
def test_auto_without_a_gpu_is_the_cpu() -> None:
    assert choose_device("auto") == torch.device("cpu")


def test_auto_with_a_gpu_is_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"


@pytest.mark.usefixtures("without_gpu")
@pytest.mark.parametrize("name", ["cuda", "cuda:3", "mps"])
def test_what_was_asked_for_by_name_is_not_replaced_by_the_cpu(name: str) -> None:
    with refused(TrainingError, name, "auto", "cpu"):
        choose_device(name)


def test_a_gpu_beyond_those_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with refused(TrainingError, 2):
        choose_device("cuda:2")


def test_a_run_that_fell_to_the_cpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    cpu = torch.device("cpu")
    said = describe_device(cpu, asked="auto")
    assert said == "cpu with 2 threads; no CUDA device was found"
    assert describe_device(cpu, asked="cpu") == "cpu with 2 threads"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert describe_device(cpu, asked="cpu") == "cpu with 1 thread"


def test_a_gpu_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A Fast One")
    assert describe_device(torch.device("cuda:0"), asked="auto") == "cuda:0 (A Fast One)"
    assert describe_device(torch.device("mps"), asked="mps") == "mps"


def test_memory_is_the_most_so_far_in_mib(monkeypatch: pytest.MonkeyPatch) -> None:
    before = memory_used(torch.device("cpu"))
    assert before.keys() == {"memory"}
    lines = Path("/proc/self/status")
    if lines.exists():
        peak = re.search(r"VmHWM:\s+(\d+) kB", lines.read_text())
        assert peak is not None
        assert before["memory"] == pytest.approx(int(peak[1]) / 1024, rel=0.05)
    held = torch.ones(round(before["memory"] + 100) * 2**18)  # more than was ever held
    assert memory_used(torch.device("cpu"))["memory"] > before["memory"] + 50
    del held
    assert memory_used(torch.device("cpu"))["memory"] > before["memory"] + 50
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 * 2**20)
    assert memory_used(torch.device("cuda"))["gpu_memory"] == 3.0
