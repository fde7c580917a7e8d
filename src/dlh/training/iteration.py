"""One iteration of a training: phase by phase the gradients, then the update.

The leader and its followers run the same iterations. Everything in one is a function of the
configuration and its number.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from dlh.data.clips import ClipSource
from dlh.interfaces import (
    Batches,
    CompilationError,
    Execution,
    Phase,
    Recompute,
    Share,
    TrainableModel,
    Update,
    names_one_of,
)
from dlh.training import speed
from dlh.training.config import TrainingConfig
from dlh.training.device import choose_device
from dlh.training.errors import TrainingError
from dlh.training.figures import iteration_figures, refuse_non_finite, step_figures
from dlh.training.memory import is_out_of_memory, what_fits
from dlh.training.processes import Processes
from dlh.training.randomness import BATCH, step_generator
from dlh.training.schedule import beta
from dlh.training.stages import (
    StageInTime,
    StageOptimizer,
    eps,
    largest_norm,
    learning_rate,
    stage_of,
    stages_in_time,
)
from dlh.training.step import backward_of, clear_gradients, gradients
from dlh.video import from_stored


@dataclass
class Failing:
    """Where an iteration is, for the message if it fails."""

    phase: Phase
    step: int
    batch: Any = None


class Iterations:
    """The iterations of one model's training, in this process.

    Attributes:
        model: on its device, in its layout, in training mode.
        config: the recipe, with the speed that ``auto`` stands for.
        processes: who computes which share.
        stages: with their iterations.
        optimizer: of the present stage.
        halfway: whether an iteration failed after it had changed the model, so that the state is
            that of no finished step.
    """

    def __init__(self, model: TrainableModel, source: ClipSource, config: TrainingConfig) -> None:
        """Bring the model to its device.

        Raises:
            TrainingError: the model cannot be trained, or not on these clips or in this way.
        """
        if not isinstance(model, nn.Module):
            raise TrainingError(
                f"{type(model).__name__} is no torch.nn.Module: it cannot be trained"
            )
        _require_same_frames(model, source)
        device = choose_device(config.device)
        self.config = replace(config, speed=speed.resolve(config.speed, device))
        speed.require(self.config.speed, device)
        if config.threads:
            torch.set_num_threads(config.threads)
        self.processes = Processes(device, half=speed.uncompiled(self.config.speed) == "bf16")
        model.to(self.processes.device).train()
        speed.lay_out(model, self.config.speed)
        self.model, self.source, self.plan = model, source, model.plan
        self.stages = stages_in_time(self.plan, self.config)
        self.parameters = dict(model.named_parameters())
        self.optimizer = StageOptimizer(self.parameters, self.plan)
        self.halfway = False
        self._trainable = {name for name, p in self.parameters.items() if p.requires_grad}
        self._buffers = any(True for _ in model.buffers())
        self._batches: Batches | None = None
        self._prepared: int | None = None
        self._kept_frames = 0
        self._failing: Failing | None = None
        self.shares = self.processes.shares(self.config)
        self._warmup = self.config.beta_warmup_steps, self.config.beta_low_steps
        if self.plan.whole_batch and self.shares[0].count > 1:
            raise TrainingError(
                f"a batch of {type(model).__name__} is computed as a whole, because "
                f"{self.plan.whole_batch}; found {self.processes.count} processes and accumulate = "
                f"{self.config.accumulate}, use one of each"
            )

    @property
    def end(self) -> int:
        """Iterations of all stages."""
        return self.stages[-1].end

    def stage(self, step: int) -> StageInTime:
        """The stage of the iteration after ``step`` of them."""
        return stage_of(self.stages, step)

    def frames(self, step: int) -> int:
        """Frames of the clips that the iteration after ``step`` of them took from the source, in
        all processes. Of a stage that makes its batches itself: what it took for them, at its first
        iteration.
        """
        stage = self.stage(step)
        if stage.stage.batches is None:
            return self.config.batch_size * self.config.clip_length
        return self._kept_frames if step == stage.start else 0

    def run(self, step: int, *, ahead: ClipSource | None = None) -> dict[str, float]:
        """Do an iteration, and return what was measured in it.

        The figures are those of :func:`dlh.training.figures.step_figures` and ``gradient_norm``
        (the 2-norm over all parameters, before clipping) of every phase, what followed from the
        update's number, and ``wait_seconds``, the time until the clips were there.

        Args:
            step: the iterations done before it.
            ahead: gives the clips of the source, perhaps sooner.

        Raises:
            NonFiniteError: the loss or a gradient is not finite; that phase's update is refused.
            TrainingError: the loss depends on no parameter.
        """
        stage = self.stage(step)
        self._enter(stage)
        self.halfway = self._buffers
        wait_seconds, given = 0.0, {}
        figures: list[dict[str, float]] = []
        for number, phase in enumerate(stage.stage.phases):
            self._failing = Failing(phase, step)
            self._hold(stage, phase)
            clear_gradients(self.parameters.values())
            update = Update(
                number=step - stage.start,
                beta=1.0 if stage.index else beta(step, *self._warmup),
                carried=self.optimizer.carried,
            )
            parts, left, schedule = [], [], {}
            for share in self.shares:
                started = time.perf_counter()
                batch = given.get(share.index)
                if batch is None:
                    batch = self._batch(ahead or self.source, step, share)
                if len(stage.stage.phases) > 1:
                    given[share.index] = batch
                wait_seconds += time.perf_counter() - started
                self._failing.batch = batch
                found = backward_of(
                    phase.objective,
                    batch,
                    generator=self._generator(step, number),
                    update=update,
                    execution=Execution(
                        share=share,
                        recompute=self.config.recompute,
                        compiled=speed.is_compiled(self.config.speed),
                    ),
                    processes=self.processes,
                    parts=len(self.shares),
                )
                parts.append(step_figures(found))
                left.append(found.carried)
                schedule = dict(found.schedule)
            measured, carried = self._measure(parts, left)
            refuse_non_finite(measured, self.parameters, step=step + 1)
            done = (step - stage.start) * len(stage.stage.phases)
            self.halfway = True
            self.optimizer.update(
                learning_rate=learning_rate(stage, self.config, step),
                eps=eps(stage, self.config, done + number + 1),
                gradient_norm=measured["gradient_norm"],
                most=largest_norm(stage, self.config),
            )
            self.optimizer.carried = {**self.optimizer.carried, **carried}
            figures.append(measured | schedule)
        self.halfway, self._failing = False, None
        return iteration_figures(stage, figures) | {"wait_seconds": wait_seconds}

    def release(self) -> None:
        """Leave the model as it was: every parameter takes a gradient that took one before."""
        for name, parameter in self.parameters.items():
            parameter.requires_grad_(name in self._trainable)

    @contextmanager
    def explained(self) -> Generator[None]:
        """Around iterations: a lack of memory, or of a compiler, becomes advice.

        Raises:
            TrainingError: with what would fit, or what to install.
        """
        try:
            yield
        except CompilationError as error:
            raise speed.refusal(self.config.speed, error) from error
        except (MemoryError, RuntimeError) as error:
            if self._failing is None or not is_out_of_memory(error):
                raise
            traceback.clear_frames(error.__traceback__)  # frees what the failure held
            raise self._what_fits() from error

    def _what_fits(self) -> TrainingError:
        assert self._failing is not None
        failing, batch = self._failing, self._failing.batch
        clear_gradients(self.parameters.values())

        def attempt(clips: Tensor, recompute: Recompute) -> None:
            backward_of(
                failing.phase.objective,
                clips,
                generator=self._generator(failing.step, 0),
                update=Update(number=failing.step),
                execution=Execution(recompute=recompute),
                processes=self.processes,
            )

        if not isinstance(batch, Tensor) or self._buffers:
            return TrainingError(
                f"a step does not fit into the memory of {self.processes.device}; train with a "
                "smaller --training.batch-size, shorter clips (--training.clip-length) or smaller "
                "networks"
            )
        return what_fits(attempt, batch, self.config)

    def _enter(self, stage: StageInTime) -> None:
        """Have the optimizer and the batches of a stage, at its begin or on resuming in it."""
        if self._prepared == stage.index:
            return
        if self.optimizer.index != stage.index:
            self.optimizer.begin(stage.index)
        self._prepared, self._batches = stage.index, None
        if stage.stage.batches is None:
            return
        assert isinstance(self.model, nn.Module)
        self._kept_frames = 0

        def draw(number: int, *, clips: int, frames: int) -> Tensor:
            self._kept_frames += clips * frames
            found = self.source.batch(
                number, batch_size=clips, clip_length=frames, seed=self.config.seed
            )
            return self._on_device(found.video)

        self.model.eval()
        try:
            with torch.no_grad():
                self._batches = stage.stage.batches(draw)
        finally:
            self.model.train()

    def _hold(self, stage: StageInTime, phase: Phase) -> None:
        """Let those parameters take a gradient that the phase trains."""
        for name, parameter in self.parameters.items():
            wanted = (
                name in self._trainable
                and name in self.optimizer.trained
                and not (phase.held and names_one_of(name, phase.held))
            )
            if parameter.requires_grad != wanted:
                parameter.requires_grad_(wanted)

    def _batch(self, source: ClipSource, step: int, share: Share) -> Any:
        if self._batches is not None:
            generator = step_generator(self.config.seed, step, phase=BATCH)
            return self._batches(generator, share)
        clips = source.batch(
            step,
            batch_size=self.config.batch_size,
            clip_length=self.config.clip_length,
            seed=self.config.seed,
            rank=share.index,
            world_size=share.count,
        )
        return self._on_device(clips.video)

    def _on_device(self, video: Any) -> Tensor:
        return from_stored(video, self.processes.device, channels_last=self.config.speed != "plain")

    def _generator(self, step: int, phase: int) -> torch.Generator:
        return step_generator(self.config.seed, step, 0, self.processes.device, phase=phase)

    def _measure(
        self, parts: list[dict[str, Tensor]], left: list[Mapping[str, Tensor]]
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """The mean figures of all shares with the norm of the mean gradient, and the means of what
        they leave for the next update.
        """
        names, given = list(parts[0]), left[0]
        rows = [
            torch.cat((torch.stack(list(part.values())), *(more[name].flatten() for name in given)))
            for part, more in zip(parts, left, strict=True)
        ]
        mean = self.processes.average(self.parameters, torch.stack(rows).mean(0))
        measured, *carried = mean.split([len(names), *(given[name].numel() for name in given)])
        norm = get_total_norm(gradients(self.parameters))
        values = torch.cat((measured, norm.to(mean).reshape(1))).tolist()  # one transfer from a GPU
        shaped = {
            name: part.view_as(given[name]) for name, part in zip(given, carried, strict=True)
        }
        return dict(zip((*names, "gradient_norm"), values, strict=True)), shaped


def _require_same_frames(model: TrainableModel, source: ClipSource) -> None:
    if tuple(model.frame_shape) != tuple(source.frame_shape):
        raise TrainingError(
            f"the model takes frames of (channel, height, width) = {tuple(model.frame_shape)}, "
            f"{source.name} has {tuple(source.frame_shape)}; build the model for the data, or "
            "resize the data"
        )
