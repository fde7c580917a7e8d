"""The training loop: one page, to be read once and changed.

Everything that happens in step k, its clips, its noise and its weight of the divergences, is a
function of the configuration and k; everything that is carried from step to step is registered in
the checkpoint. So a run that was killed at any moment and resumed equals an unbroken one, bit for
bit on the CPU with the same number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from dlh.data.clips import ClipSource
from dlh.interfaces import VideoModel
from dlh.training.checkpoint import Checkpoints, Restored
from dlh.training.config import TrainingConfig
from dlh.training.device import choose_device, describe_device, memory_used
from dlh.training.display import Display
from dlh.training.errors import CheckpointError, TrainingError
from dlh.training.figures import RunningMeans, log_entry
from dlh.training.held_out import is_best, take_validation, validation_entry
from dlh.training.progress import Progress, is_due
from dlh.training.run import RunFolder
from dlh.training.schedule import learning_rate_factor
from dlh.training.signals import StopRequest
from dlh.training.step import compute_gradients, update

Validate = Callable[[VideoModel, int], Mapping[str, float]]
"""(model, step) -> figures by name. Called without gradients and with the model in evaluation mode;
it brings its own generators, so that nothing it does reaches the training."""

DrawSamples = Callable[[VideoModel, int], None]
"""(model, step): draws what the model predicts, under the same conditions as Validate."""

OnLog = Callable[[dict[str, Any]], None]
"""Called with every line added to metrics.jsonl, of training figures or of held-out ones."""


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """A finished training.

    Attributes:
        step: updates done.
        train_seconds: wall time over all resumed parts, without validation.
        validation_seconds: wall time of validation over all resumed parts.
        validation: the figures of the last validation, by name; empty where there was none.
        resumed_from: the step of the checkpoint it went on from; None where it started at step 0.
        message: which damaged checkpoints were passed over on resuming; None where none was.
    """

    step: int
    train_seconds: float
    validation_seconds: float
    validation: dict[str, float]
    resumed_from: int | None = None
    message: str | None = None


def train(
    model: VideoModel,
    source: ClipSource,
    config: TrainingConfig,
    run: RunFolder,
    *,
    until: int | None = None,
    validate: Validate | None = None,
    draw_samples: DrawSamples | None = None,
    on_log: OnLog | None = None,
) -> TrainingResult:
    """Train ``model`` in place until ``config.steps`` updates are done, or the first ``until``.

    It goes on from the newest checkpoint in ``run``, where there is one. The state is saved every
    ``config.checkpoint_every`` steps, before every validation and drawing, at the end, when a
    signal asks to stop, and when a step fails; that of the best validation stays. A finished run is
    only loaded.

    Raises:
        Interrupted: somebody stopped it; the run can be resumed.
        NonFiniteError: a loss or gradient is not finite; the update was refused.
        TrainingError: the model, device, run folder or checkpoint cannot be used.
    """
    if not isinstance(model, nn.Module):
        raise TrainingError(f"{type(model).__name__} is no torch.nn.Module: it cannot be trained")
    _require_same_frames(model, source)
    device = choose_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    model.to(device).train()
    parameters = dict(model.named_parameters())
    optimizer = torch.optim.Adam(model.parameters())
    progress, means, clock = Progress(), RunningMeans(), _Clock()
    end = config.steps if until is None else min(until, config.steps)

    checkpoints = Checkpoints(run.checkpoints, keep=config.keep_checkpoints)
    checkpoints.register("model", model)
    checkpoints.register("optimizer", optimizer)
    checkpoints.register("progress", progress)
    checkpoints.register("means", means)

    def log(entry: dict[str, Any]) -> None:
        run.metrics.append(entry)
        display.figures(entry)
        if on_log is not None:
            on_log(entry)

    def save() -> None:
        checkpoints.save(progress.step)
        run.write_status("running", step=progress.step, steps=end)

    with run.lock(), StopRequest() as stop, Display(steps=end) as display:
        restored = _resume(run, checkpoints, progress, end)
        for group in optimizer.param_groups:  # after the checkpoint: the configuration decides
            group.update(eps=config.adam_epsilon)
        display.start(progress.step, about=_about(device, config, end, restored))

        with run.reported(progress, steps=end):
            clock.lap()
            while True:
                if validate is not None and _validation_is_due(progress, config, end):
                    with stop.at_once(), _evaluating(model):  # the state was saved before
                        found = validate(model, progress.step)
                        figures = {name: float(value) for name, value in found.items()}
                    progress.validation_seconds += clock.lap()
                    news = take_validation(progress, figures, clips=config.held_out_clips)
                    if is_best(progress):
                        checkpoints.keep_as_best(progress.step)
                    log(validation_entry(progress))
                    for line in news:
                        display.line(line)
                    if progress.step == end:
                        save()
                if draw_samples is not None and _samples_are_due(progress, config):
                    with stop.at_once(), _evaluating(model):
                        draw_samples(model, progress.step)
                    progress.validation_seconds += clock.lap()
                    progress.sampled = progress.step
                    if progress.step == end:
                        save()
                if progress.step == end:
                    break

                with _saved_on_failure(checkpoints, progress):
                    figures = compute_gradients(
                        model, parameters, source, config, step=progress.step, device=device
                    )
                factor = learning_rate_factor(
                    progress.step, steps=config.steps, cooldown_steps=config.cooldown_steps
                )
                update(
                    parameters,
                    optimizer,
                    learning_rate=config.learning_rate * factor,
                    gradient_norm=figures["gradient_norm"],
                    largest=config.gradient_norm,
                )
                progress.step += 1
                step_seconds = clock.lap()
                progress.train_seconds += step_seconds
                means.add({**figures, "step_seconds": step_seconds})
                display.advance()

                at_end = progress.step == end
                if at_end or is_due(progress.step, config.log_every):
                    log(log_entry(means.take(), progress, memory_used(device)))
                if at_end or stop.requested or _saving_is_due(progress.step, config):
                    save()
                if stop.requested:
                    raise KeyboardInterrupt

    return TrainingResult(
        step=progress.step,
        train_seconds=progress.train_seconds,
        validation_seconds=progress.validation_seconds,
        validation=dict(progress.validation),
        resumed_from=restored.step if restored else None,
        message=restored.message if restored else None,
    )


class _Clock:
    """Wall time from lap to lap: every second counts once, as training or as validation."""

    def __init__(self) -> None:
        self._mark = time.perf_counter()

    def lap(self) -> float:
        before, self._mark = self._mark, time.perf_counter()
        return self._mark - before


def _require_same_frames(model: VideoModel, source: ClipSource) -> None:
    if tuple(model.frame_shape) != tuple(source.frame_shape):
        raise TrainingError(
            f"the model takes frames of (channel, height, width) = {tuple(model.frame_shape)}, "
            f"{source.name} has {tuple(source.frame_shape)}; build the model for the data, or "
            "resize the data"
        )


def _validation_is_due(progress: Progress, config: TrainingConfig, end: int) -> bool:
    due = progress.step == end or is_due(progress.step, config.validate_every)
    return due and progress.validated < progress.step


def _samples_are_due(progress: Progress, config: TrainingConfig) -> bool:
    return is_due(progress.step, config.sample_every) and progress.sampled < progress.step


def _saving_is_due(step: int, config: TrainingConfig) -> bool:
    every = (config.checkpoint_every, config.validate_every, config.sample_every)
    return any(is_due(step, number) for number in every)


def _resume(
    run: RunFolder, checkpoints: Checkpoints, progress: Progress, end: int
) -> Restored | None:
    restored = checkpoints.load_newest()
    if progress.step > end:
        raise TrainingError(
            f"the run in {run.path} stands at step {progress.step}, beyond the {end} "
            f"steps asked for; ask for at least {progress.step}, or start another run"
        )
    run.metrics.rewind(step=progress.step, validated=progress.validated)
    return restored


@contextmanager
def _saved_on_failure(checkpoints: Checkpoints, progress: Progress) -> Generator[None]:
    """When what is inside fails, save the state that the last finished step left."""
    try:
        yield
    except Exception as failure:
        try:
            path = checkpoints.save(progress.step)
            failure.add_note(f"The state of step {progress.step} is saved in {path}.")
        except CheckpointError as error:
            failure.add_note(str(error))
        raise


@contextmanager
def _evaluating(model: VideoModel) -> Generator[None]:
    assert isinstance(model, nn.Module)
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train()


def _about(
    device: torch.device, config: TrainingConfig, end: int, restored: Restored | None
) -> list[str]:
    lines = [f"training on {describe_device(device, asked=config.device)}"]
    if restored is not None:
        lines += [restored.message] if restored.message else []
        lines += [f"resumed from step {restored.step} of {end}"]
    return lines
