"""The training loop: one page, to be read once and changed.

Everything that happens in step k (``iteration.py``), its clips, its noise and its weight of the
divergences, is a function of the configuration and k; everything that is carried from step to step
is registered in the checkpoint. So a run that was killed at any moment and resumed equals an
unbroken one, bit for bit on the CPU with the same number of threads; and several processes, of
which each computes a share of every step's clips, train the model that one trains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from dlh.data.clips import ClipSource
from dlh.interfaces import TrainableModel
from dlh.training import speed
from dlh.training.ahead import made_ahead
from dlh.training.checkpoint import Checkpoints, Restored
from dlh.training.config import TrainingConfig
from dlh.training.device import describe_device
from dlh.training.display import Display
from dlh.training.errors import TrainingError
from dlh.training.figures import RunningMeans
from dlh.training.iteration import Iterations
from dlh.training.processes import LeaderGone, Processes
from dlh.training.progress import Progress
from dlh.training.recorder import Clock, DrawSamples, OnLog, Recorder, Validate
from dlh.training.run import OUT_OF_TIME, RunFolder
from dlh.training.signals import StopRequest
from dlh.training.trackers import tracking

__all__ = ["DrawSamples", "OnLog", "TrainingResult", "Validate", "follow", "train"]


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """A finished training.

    Attributes:
        step: updates done.
        train_seconds: wall time over all resumed parts, without validation.
        cpu_seconds, frames: as of :class:`~dlh.training.progress.Progress`.
        validation_seconds: wall time of validation over all resumed parts.
        validation: the figures of the last validation, by name; empty where there was none.
        resumed_from: the step of the checkpoint it went on from; None where it started at step 0.
        message: which damaged checkpoints were passed over on resuming; None where none was.
    """

    step: int
    train_seconds: float
    validation_seconds: float
    validation: dict[str, float]
    cpu_seconds: float | None = None
    frames: int | None = None
    resumed_from: int | None = None
    message: str | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the leader tells its followers to train: how, until which step, and from what state."""

    config: TrainingConfig
    end: int
    step: int
    model: dict[str, Any]
    optimizer: dict[str, Any]


def train(
    model: TrainableModel,
    source: ClipSource,
    config: TrainingConfig,
    run: RunFolder,
    *,
    until: int | None = None,
    validate: Validate | None = None,
    draw_samples: DrawSamples | None = None,
    on_log: OnLog | None = None,
) -> TrainingResult:
    """Train ``model`` in place until ``config.total_steps`` steps are done, or the first ``until``,
    until held-out clips have been explained no better for ``config.patience`` validations, or until
    ``config.minutes`` are over.

    It goes on from the newest checkpoint in ``run``, where there is one. The state is saved every
    ``config.checkpoint_every`` steps, before every validation and drawing, at the end of a stage,
    when a signal asks to stop, and when a step fails; that of the best validation stays. A finished
    run is only loaded. Where several processes were started, this one leads and the others
    :func:`follow`.

    Raises:
        Interrupted: somebody stopped it; the run can be resumed.
        NonFiniteError: a loss or gradient is not finite; the update was refused.
        TrainingError: the model, device, run folder or checkpoint cannot be used, or a step does
            not fit into the memory.
    """
    iterations = Iterations(model, source, config)  # refuses what cannot be, before it is written
    progress, means, clock = Progress(), RunningMeans(), Clock()
    config, processes = iterations.config, iterations.processes
    if (config.patience or config.minutes) and processes.count > 1:
        raise TrainingError(
            f"patience = {config.patience} and minutes = {config.minutes:g} are for one process, "
            f"found {processes.count}; set --training.patience and --training.minutes to 0"
        )
    end = iterations.end if until is None else min(until, iterations.end)
    assert isinstance(model, nn.Module)

    checkpoints = Checkpoints(run.checkpoints, keep=config.keep_checkpoints)
    checkpoints.register("model", model)
    checkpoints.register("optimizer", iterations.optimizer)
    checkpoints.register("progress", progress)
    checkpoints.register("means", means)

    with (
        run.lock(),
        StopRequest() as stop,
        Display(steps=end) as display,
        tracking(config, run, whole=until is None) as track,
        made_ahead(source, end=iterations.stages[0].end, device=processes.device) as ahead,
    ):
        restored = _resume(run, checkpoints, progress, end)
        record = Recorder(
            iterations=iterations,
            config=config,
            run=run,
            end=end,
            device=processes.device,
            progress=progress,
            means=means,
            checkpoints=checkpoints,
            display=display,
            stop=stop,
            clock=clock,
            validate=validate,
            draw_samples=draw_samples,
            loggers=tuple(logger for logger in (track, on_log) if logger is not None),
        )
        display.start(progress.step, about=_about(processes, config, end, restored))
        processes.tell(
            Job(
                config=config,
                end=end,
                step=progress.step,
                model=model.state_dict(),
                optimizer=iterations.optimizer.state_dict(),
            )
        )

        with run.reported(progress, steps=end):
            clock.lap()
            while True:
                record.before_step()
                if progress.step == end or record.ends_early:
                    break
                with record.saved_on_failure(), iterations.explained():
                    figures = iterations.run(progress.step, ahead=ahead)
                record.after_step(figures)
        if progress.step < end:
            ended = f"{config.minutes:g} {OUT_OF_TIME}" if record.out_of_time else "out of patience"
            if progress.best is not None:
                ended += f"; the best model is that of step {progress.best_step}"
            run.write_status("finished", step=progress.step, steps=end, message=ended)
        iterations.release()

    return TrainingResult(
        step=progress.step,
        train_seconds=progress.train_seconds,
        validation_seconds=progress.validation_seconds,
        validation=dict(progress.validation),
        cpu_seconds=progress.cpu_seconds,
        frames=progress.frames,
        resumed_from=restored.step if restored else None,
        message=restored.message if restored else None,
    )


def follow(model: TrainableModel, source: ClipSource, processes: Processes) -> None:
    """What every process but the leader does: its share of every step of all that is trained.

    Its model begins as the leader's and changes as the leader's does. It writes nothing and says
    nothing, and leaves it to the leader to be stopped.

    Raises:
        LeaderGone: the leader stopped before all was done.
    """
    assert isinstance(model, nn.Module)
    with StopRequest():
        while (job := processes.hear()) is not None:
            iterations = Iterations(model, source, job.config)
            processes = iterations.processes
            model.load_state_dict(job.model)
            iterations.optimizer.load_state_dict(job.optimizer)
            end = iterations.stages[0].end
            with made_ahead(source, end=end, device=processes.device) as ahead:
                for step in range(job.step, job.end):
                    try:
                        iterations.run(step, ahead=ahead)
                    except RuntimeError as error:  # the exchange broke, or the leader refused too
                        raise LeaderGone(str(error)) from error


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
    if progress.best is not None and checkpoints.best_step() != progress.best_step:
        # The checkpoint that the counters call the best is gone: replaced after they were saved,
        # by one whose validation is now repeated, or removed. The next validation is the best one.
        progress.best, progress.best_step = None, 0
    return restored


def _about(
    processes: Processes, config: TrainingConfig, end: int, restored: Restored | None
) -> list[str]:
    together = f"in {processes.count} processes " if processes.count > 1 else ""
    where = describe_device(processes.device, asked=config.device)
    lines = [f"training {together}on {where}; {speed.describe(config.speed)}"]
    if restored is not None:
        lines += [restored.message] if restored.message else []
        lines += [f"resumed from step {restored.step} of {end}"]
    return lines
