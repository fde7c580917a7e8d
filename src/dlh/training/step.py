"""The gradients of a batch, where anything may fail, and the update, where nothing does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_

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


def update_weights(
    parameters: Mapping[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    *,
    learning_rate: float,
    eps: float,
    gradient_norm: float,
    most: float | None,
    zero_without_gradient: bool = False,
) -> None:
    """Change the weights by the gradients, whose norm is scaled down to what is allowed.

    Args:
        parameters: what is trained; none of another optimizer.
        optimizer: Adam.
        learning_rate: of this update.
        eps: of this update.
        gradient_norm: as measured.
        most: the largest norm; None for any.
        zero_without_gradient: whether a parameter that was updated before and has no gradient now
            counts as one whose gradient is 0.
    """
    if most is not None:
        clip_grads_with_norm_(parameters.values(), most, torch.tensor(gradient_norm))
    if zero_without_gradient:
        for parameter in parameters.values():
            if parameter.grad is None and parameter in optimizer.state:
                parameter.grad = torch.zeros_like(parameter)
    for group in optimizer.param_groups:
        # Not what a checkpoint says: model and recipe decide.
        group.update(lr=learning_rate, eps=eps)
    optimizer.step()


def gradients(parameters: Mapping[str, nn.Parameter]) -> list[Tensor]:
    """The gradients of the parameters that have one."""
    return [parameter.grad for parameter in parameters.values() if parameter.grad is not None]
