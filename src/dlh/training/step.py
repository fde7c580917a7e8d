"""A training step in two halves: the gradients, where anything may fail, then the update."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from dlh.data.clips import ClipSource
from dlh.interfaces import VideoModel
from dlh.training.config import TrainingConfig
from dlh.training.errors import TrainingError
from dlh.training.figures import refuse_non_finite, step_figures
from dlh.training.randomness import step_generator
from dlh.training.schedule import beta
from dlh.video import from_stored


def compute_gradients(
    model: VideoModel,
    parameters: Mapping[str, nn.Parameter],
    source: ClipSource,
    config: TrainingConfig,
    *,
    step: int,
    device: torch.device,
    rank: int = 0,
    world_size: int = 1,
) -> dict[str, float]:
    """Leave the gradients of a step in the parameters, and return what was measured.

    ``step`` counts the updates done before it. The figures are those of ``step_figures`` and
    ``wait_seconds``, the time until the clips were there. The weights are not touched.

    Raises:
        NonFiniteError: the loss or a gradient is not finite.
        TrainingError: the loss depends on no parameter.
    """
    started = time.perf_counter()
    clips = source.batch(
        step,
        batch_size=config.batch_size,
        clip_length=config.clip_length,
        seed=config.seed,
        rank=rank,
        world_size=world_size,
    )
    video = from_stored(clips.video, device)
    wait_seconds = time.perf_counter() - started

    weight = beta(step, config.beta_warmup_steps)
    objective = model.objective(video, generator=step_generator(config.seed, step, rank, device))
    loss = objective.loss(weight)
    if not loss.requires_grad:
        raise TrainingError(f"the loss of {type(model).__name__} depends on none of its parameters")
    _clear(parameters)
    loss.backward()
    norm = get_total_norm(_gradients(parameters))
    figures = step_figures(objective, loss=loss, gradient_norm=norm, beta=weight)
    refuse_non_finite(figures, parameters, step=step + 1)
    return {**figures, "wait_seconds": wait_seconds}


def update(
    parameters: Mapping[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    *,
    learning_rate: float,
    gradient_norm: float,
    largest: float | None,
) -> None:
    """Change the weights by the gradients, whose norm is scaled down to at most ``largest``."""
    if largest is not None:
        clip_grads_with_norm_(parameters.values(), largest, torch.tensor(gradient_norm))
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.step()


def _gradients(parameters: Mapping[str, nn.Parameter]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters.values() if parameter.grad is not None]


def _clear(parameters: Mapping[str, nn.Parameter]) -> None:
    for parameter in parameters.values():
        parameter.grad = None
