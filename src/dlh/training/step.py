"""The gradients of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dlh.interfaces import Execution, Objective, PhaseObjective, Update
from dlh.training.errors import TrainingError
from dlh.training.processes import Processes


def backward_of(
    objective: PhaseObjective,
    batch: Any,
    *,
    generator: torch.Generator,
    update: Update,
    execution: Execution,
    processes: Processes,
    parts: int = 1,
) -> Objective:
    """Add the gradients of a share's loss to those in the parameters, and return the objective.

    Args:
        objective: what is minimised.
        batch: the share's clips, or what the stage gives in their place.
        generator: of the noise of the whole batch.
        update: which one this is.
        execution: how it is computed; its ``share`` says which part of the batch this is.
        processes: in whose precision.
        parts: the loss counts as one of so many of this process.

    Raises:
        TrainingError: the loss depends on no parameter.
        CompilationError: the model is to be compiled, and cannot be.
    """
    with processes.autocast():
        found = objective(batch, generator=generator, update=update, execution=execution)
    if not found.loss.requires_grad:
        owner = getattr(objective, "__self__", objective)
        raise TrainingError(f"the loss of {type(owner).__name__} depends on none of its parameters")
    (found.loss / parts).backward()
    return found


def clear_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Drop all gradients; a parameter that gets none keeps None."""
    for parameter in parameters:
        parameter.grad = None


def gradients(parameters: Mapping[str, nn.Parameter]) -> list[Tensor]:
    """The gradients of the parameters that have one."""
    return [parameter.grad for parameter in parameters.values() if parameter.grad is not None]
