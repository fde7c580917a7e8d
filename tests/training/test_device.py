from __future__ import annotations

import pytest
import torch

from dlh.training.device import choose_device
from dlh.training.errors import TrainingError


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
    with pytest.raises(TrainingError, match=f"device {name} was asked for.*use device auto or cpu"):
        choose_device(name)


def test_a_gpu_beyond_those_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(TrainingError, match="finds 2 CUDA devices"):
        choose_device("cuda:2")
