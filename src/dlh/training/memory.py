"""Out of memory: recognise it, and say which settings would fit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dlh.interfaces import Recompute
from dlh.training.config import TrainingConfig
from dlh.training.errors import TrainingError

Attempt = Callable[[Tensor, Recompute], object]
"""Computes the gradients of some clips, (clips, time, ...), with or without recomputation."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether that is what went wrong: torch has no one error for it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    says = ("DefaultCPUAllocator: can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(words in str(error) for words in says)


def what_fits(attempt: Attempt, video: Tensor, config: TrainingConfig) -> TrainingError:
    """Find out what part of the clips fits, and say so.

    Args:
        attempt: is tried on ever fewer clips; what it leaves behind does not matter.
        video: the clips that did not fit.
        config: the settings they came from.
    """
    clips, steps, device = len(video), video.shape[1], video.device
    found = f"{clips} clips of {steps} frames do not fit into the memory of {device}"
    recompute = config.recompute
    for how in dict.fromkeys((recompute, "always")):
        for parts in range(1 if how != recompute else 2, clips + 1):
            if clips % parts == 0 and _fits(attempt, video[: clips // parts], how):
                options = [f"--training.accumulate {config.accumulate * parts}"] * (parts > 1)
                options += ["--training.recompute always"] * (how != recompute)
                return TrainingError(
                    f"{found}; {clips // parts} do: the same training with {' '.join(options)} "
                    "needs no more"
                )
    return TrainingError(
        f"{found}, and neither does a single one; train on shorter clips (--training.clip-length), "
        "smaller frames or smaller networks (--model.convolution-channels)"
    )


def _fits(attempt: Attempt, video: Tensor, recompute: Recompute) -> bool:
    if video.is_cuda:
        torch.cuda.empty_cache()
    try:
        attempt(video, recompute)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True
