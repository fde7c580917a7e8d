from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from dlh.interfaces import Objective
from dlh.training.errors import TrainingError
from dlh.training.memory import is_out_of_memory
from refusals import refused
from training.tiny_training import CONFIG, TinyModel, new_run, train_tiny

REAL = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "


class Small(TinyModel):
    """A model that has memory for a few clips, and for more where it computes them again."""

    def __init__(self, *, clips: int, recomputed: int = 0) -> None:
        super().__init__()
        self.room = {"auto": clips, "always": max(clips, recomputed)}

    def objective(self, video: torch.Tensor, **options: Any) -> Objective:
        if len(video) > self.room[options["execution"].recompute]:
            raise RuntimeError(f"{REAL} you tried to allocate {video.numel()} bytes.")
        return super().objective(video, **options)


@pytest.mark.parametrize(
    "model, says",
    [
        (Small(clips=5), (4, "--training.accumulate 3")),
        (Small(clips=1), (1, "--training.accumulate 12")),
        (Small(clips=0, recomputed=12), ("--training.recompute always",)),
        (
            Small(clips=0, recomputed=2),
            (2, "--training.accumulate 6 --training.recompute always"),
        ),
        (Small(clips=0), ("neither",)),
    ],
)
def test_a_step_that_does_not_fit_is_told_what_would(
    tmp_path: Path, model: Small, says: tuple
) -> None:
    config = dataclasses.replace(CONFIG, batch_size=12)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run = new_run(tmp_path / "run")
    with refused(TrainingError, 12, 5, "cpu", *says):
        train_tiny(run, config, model=model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_is_advised_works(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, batch_size=12, accumulate=3, validate_every=0, steps=2)
    assert train_tiny(new_run(tmp_path / "run"), config, model=Small(clips=5), validate=None)


def test_only_a_lack_of_memory_is_one() -> None:
    assert is_out_of_memory(MemoryError()) and is_out_of_memory(RuntimeError(REAL))
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("not enough memory of better days"))
