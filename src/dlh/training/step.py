"""A training step in two halves: the gradients, where anything may fail, then the update."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from dlh.data.clips import ClipSource
from dlh.interfaces import CompilationError, Recompute, Share, VideoModel
from dlh.training import speed
from dlh.training.config import TrainingConfig
from dlh.training.errors import TrainingError
from dlh.training.figures import refuse_non_finite, step_figures
from dlh.training.memory import is_out_of_memory, what_fits
from dlh.training.processes import Processes
from dlh.training.randomness import step_generator
from dlh.training.schedule import beta, learning_rate_factor
from dlh.video import from_stored


def compute_gradients(
    model: VideoModel,
    parameters: Mapping[str, nn.Parameter],
    source: ClipSource,
    config: TrainingConfig,
    *,
    step: int,
    processes: Processes,
) -> dict[str, float]:
    """Leave the gradients of a step in the parameters, and return what was measured.

    Each process computes its clips of the batch, in as many parts as the configuration says; clips
    and noise are those of the one batch, whoever computes it. ``step`` counts the updates done
    before it. The figures are those of ``step_figures``, ``beta``, ``gradient_norm`` (the 2-norm
    over all parameters, before clipping) and ``wait_seconds``, the time until the clips were there.
    The weights are not touched.

    Raises:
        NonFiniteError: the loss or a gradient is not finite.
        TrainingError: the loss depends on no parameter, the clips cannot be shared equally, the
            step does not fit into the memory, or the loop over time cannot be compiled.
    """
    weight, wait_seconds = beta(step, config.beta_warmup_steps), 0.0
    shares = processes.shares(config)
    _clear(parameters)
    parts: list[dict[str, Tensor]] = []
    for share in shares:
        started = time.perf_counter()
        video = _clips(source, config, step=step, share=share, device=processes.device)
        wait_seconds += time.perf_counter() - started

        def attempt(
            clips: Tensor, recompute: Recompute, compiled: bool = False, share: Share = share
        ) -> dict[str, Tensor]:
            with processes.autocast():
                objective = model.objective(
                    clips,
                    generator=step_generator(config.seed, step, 0, processes.device),
                    share=share,
                    recompute=recompute,
                    compiled=compiled,
                )
            loss = objective.loss(weight)
            if not loss.requires_grad:
                raise TrainingError(
                    f"the loss of {type(model).__name__} depends on none of its parameters"
                )
            (loss / len(shares)).backward()
            return step_figures(objective, loss=loss)

        try:
            parts.append(attempt(video, config.recompute, speed.is_compiled(config.speed)))
        except CompilationError as error:
            raise speed.refusal(config.speed, error) from error
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            continue
        raise what_fits(attempt, video, config)  # here what the failure held has been freed
    local = torch.stack([torch.stack(list(part.values())) for part in parts]).mean(0)
    mean = processes.average(parameters, local)
    norm = get_total_norm(_gradients(parameters))
    values = torch.cat((mean, norm.to(mean).reshape(1))).tolist()  # the one transfer from a GPU
    figures = dict(zip((*parts[0], "gradient_norm"), values, strict=True)) | {"beta": weight}
    refuse_non_finite(figures, parameters, step=step + 1)
    return {**figures, "wait_seconds": wait_seconds}


def update(
    parameters: Mapping[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    *,
    step: int,
    gradient_norm: float,
) -> None:
    """Change the weights by the gradients, whose norm is scaled down to what is configured.

    ``step`` counts the updates done before it.
    """
    if config.gradient_norm is not None:
        clip_grads_with_norm_(
            parameters.values(), config.gradient_norm, torch.tensor(gradient_norm)
        )
    factor = learning_rate_factor(
        step,
        steps=config.steps,
        cooldown_steps=config.cooldown_steps,
        rewarm_from=config.rewarm_from,
        steps_before=config.steps_before,
    )
    for group in optimizer.param_groups:
        # Not what a checkpoint says: the configuration decides.
        group.update(lr=config.learning_rate * factor, eps=config.adam_epsilon)
    optimizer.step()


def _clips(
    source: ClipSource, config: TrainingConfig, *, step: int, share: Share, device: torch.device
) -> Tensor:
    clips = source.batch(
        step,
        batch_size=config.batch_size,
        clip_length=config.clip_length,
        seed=config.seed,
        rank=share.index,
        world_size=share.count,
    )
    return from_stored(clips.video, device, channels_last=config.speed != "plain")


def _gradients(parameters: Mapping[str, nn.Parameter]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters.values() if parameter.grad is not None]


def _clear(parameters: Mapping[str, nn.Parameter]) -> None:
    for parameter in parameters.values():
        parameter.grad = None
