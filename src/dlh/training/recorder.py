"""What the leader of a training does between its steps: log, save, validate, draw, and say so."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from dlh.interfaces import CompilationError, TrainableModel, VideoModel
from dlh.training.checkpoint import Checkpoints
from dlh.training.config import TrainingConfig
from dlh.training.device import memory_used
from dlh.training.display import Display
from dlh.training.errors import CheckpointError
from dlh.training.figures import RunningMeans, log_entry
from dlh.training.held_out import is_best, take_validation, validation_entry
from dlh.training.iteration import Iterations
from dlh.training.progress import Progress, is_due
from dlh.training.run import RunFolder
from dlh.training.signals import StopRequest

Validate = Callable[[TrainableModel, int], Mapping[str, float]]
"""(model, step) -> figures by name. Called without gradients and with the model in evaluation mode;
it brings its own generators, so that nothing it does reaches the training."""

DrawSamples = Callable[[VideoModel, int], None]
"""(model, step): draws what the model predicts, under the same conditions as Validate."""

OnLog = Callable[[dict[str, Any]], None]
"""Called with every line added to metrics.jsonl, of training figures or of held-out ones."""


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """The record of one run.

    Attributes:
        iterations: of the model that is trained.
        config: how.
        run: the folder that everything is written to.
        end: the step at which training ends.
        device: where it computes.
        progress, means, checkpoints, display, stop, clock: the parts that it keeps in step.
        validate, draw_samples: what is asked of held-out clips now and then.
        loggers: take every line of metrics.jsonl.
    """

    iterations: Iterations
    config: TrainingConfig
    run: RunFolder
    end: int
    device: torch.device
    progress: Progress
    means: RunningMeans
    checkpoints: Checkpoints
    display: Display
    stop: StopRequest
    clock: Clock
    validate: Validate | None
    draw_samples: DrawSamples | None
    loggers: tuple[OnLog, ...]

    def before_step(self) -> None:
        """Validate and draw, if due. The state was saved before, so a stop loses nothing."""
        progress, model = self.progress, self.iterations.model
        judged_by = self.iterations.plan.judged_by
        if self.validate is not None and self._validation_is_due():
            with self.stop.at_once(), _evaluating(model):
                found = self.validate(model, progress.step)
                figures = {name: float(value) for name, value in found.items()}
            progress.validation_seconds += self.clock.lap()[0]
            news = take_validation(
                progress,
                figures,
                clips=self.config.held_out_clips,
                judged_by=judged_by,
                warmup_steps=self.config.beta_warmup_steps,
            )
            if is_best(progress):
                self.checkpoints.keep_as_best(progress.step)
            self._log(validation_entry(progress, judged_by=judged_by))
            for line in news:
                self.display.line(line)
            if progress.step == self.end or self.ends_early:
                self.save()
        if self.draw_samples is not None and self._samples_are_due():
            with self.stop.at_once(), _evaluating(model):
                self.draw_samples(model, progress.step)
            progress.validation_seconds += self.clock.lap()[0]
            progress.sampled = progress.step
            if progress.step == self.end:
                self.save()

    @property
    def out_of_time(self) -> bool:
        """Whether updates and validations have taken as long as they may."""
        taken = self.progress.train_seconds + self.progress.validation_seconds
        return 0 < 60 * self.config.minutes <= taken

    @property
    def ends_early(self) -> bool:
        """Whether training ends before its last step: it is out of time, or held-out clips have
        been explained no better for as long as was asked for.
        """
        return self.out_of_time or 0 < self.config.patience <= self.progress.worse

    def after_step(self, figures: Mapping[str, float]) -> None:
        """Count a step, log and save where that is due.

        Raises:
            KeyboardInterrupt: somebody asked to stop; the state is saved.
        """
        step_seconds, cpu_seconds = self.clock.lap()
        frames = self.iterations.frames(self.progress.step)
        self.progress.count_step(seconds=step_seconds, cpu_seconds=cpu_seconds, frames=frames)
        self.means.add({**figures, "step_seconds": step_seconds})
        self.display.advance(self._stage_name(self.progress.step - 1))

        step, config = self.progress.step, self.config
        stage = self.iterations.stage(step - 1)
        at_end = step in (self.end, stage.end) or self.out_of_time
        if at_end or is_due(step, config.log_every):
            name = stage.stage.name if stage.index else None
            memory = memory_used(self.device)
            self._log(log_entry(self.means.take(), self.progress, memory, stage=name))
        every = (config.checkpoint_every, config.validate_every, config.sample_every)
        if at_end or self.stop.requested or any(is_due(step, number) for number in every):
            self.save()
        if self.stop.requested:
            raise KeyboardInterrupt

    def save(self) -> None:
        """Write a checkpoint, and how far the run is."""
        self.checkpoints.save(self.progress.step)
        self.run.write_status("running", step=self.progress.step, steps=self.end)

    @contextmanager
    def saved_on_failure(self) -> Generator[None]:
        """When what is inside fails, save the state that the last finished step left, if the model
        still has it.

        Raises:
            KeyboardInterrupt: a compiler failed because it was told to stop too, as Ctrl-C tells
                every process that a terminal has in front.
        """
        try:
            yield
        except Exception as failure:
            if self.iterations.halfway:
                failure.add_note(
                    "It failed in the middle of a step, so resuming continues from the newest "
                    f"checkpoint in {self.checkpoints.folder}."
                )
                raise
            try:
                path = self.checkpoints.save(self.progress.step)
                failure.add_note(f"The state of step {self.progress.step} is saved in {path}.")
            except CheckpointError as error:
                failure.add_note(str(error))
            if self.stop.requested and isinstance(failure.__cause__, CompilationError):
                raise KeyboardInterrupt from failure
            raise

    def _log(self, entry: dict[str, Any]) -> None:
        self.run.metrics.append(entry)
        self.display.figures(entry)
        for logger in self.loggers:
            logger(entry)

    def _stage_name(self, step: int) -> str:
        """The name of the stage, where there are several."""
        stages = self.iterations.stages
        return self.iterations.stage(step).stage.name if len(stages) > 1 else ""

    def _validation_is_due(self) -> bool:
        step = self.progress.step
        due = step in (self.end, self.iterations.stage(step).start) and step > 0
        due = due or is_due(step, self.config.validate_every) or self.out_of_time
        return due and self.progress.validated < step

    def _samples_are_due(self) -> bool:
        step = self.progress.step
        return is_due(step, self.config.sample_every) and self.progress.sampled < step


class Clock:
    """Time from lap to lap: every second counts once, as training or as validation."""

    def __init__(self) -> None:
        self._mark = time.perf_counter(), time.process_time()

    def lap(self) -> tuple[float, float]:
        """Since the lap before: seconds of wall time, and core-seconds of all threads."""
        before, self._mark = self._mark, (time.perf_counter(), time.process_time())
        return self._mark[0] - before[0], self._mark[1] - before[1]


@contextmanager
def _evaluating(model: TrainableModel) -> Generator[None]:
    assert isinstance(model, nn.Module)
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train()
