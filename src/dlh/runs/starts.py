"""Several starts of one run: which of them goes on, decided without a label.

What level 2 comes to hold is decided within the first hundreds of steps, and not by every seed in
the same way: a mixture's components are found well from some starts and badly from others, as of
any mixture. The usual remedy is used: begin several times, and go on with the best. From then on
the run is the one that its seed alone would have given.

Which is best? A level 2 that also holds what changes all the time costs bound, and is known by it.
A level 2 that leaves a part of what lasts to level 1 costs none: the bound does not know who holds
what. But such a level misses changes. So of the starts whose bounds are about as high as the
highest, the one goes on whose upper levels change the most.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dlh.data.clips import ClipSource
from dlh.files.writing import Say, os_errors_as
from dlh.runs.build import untrained_network
from dlh.runs.experiment import Experiment
from dlh.runs.validation import SAMPLES, DrawClips, sample_drawing
from dlh.training.checkpoint import newest_step
from dlh.training.errors import Interrupted, RunFolderError
from dlh.training.loop import OnLog, Validate, train
from dlh.training.run import RunFolder

STARTS = "starts.json"
FOLDER = "starts"
DEPTH = "mean_depth"


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start and how it stood when it was compared.

    Attributes:
        seed: of its weights, clips and noise.
        elbo: the figure by which the model is judged, of held-out clips; of most models the bound,
            nats per frame.
        mean_depth: L-bar there, the mean number of levels that change at a step.
        train_seconds, validation_seconds: what it took.
        cpu_seconds, frames: what its training took; None where they were not counted.
        by: the figure's name.
    """

    seed: int
    elbo: float
    mean_depth: float
    train_seconds: float
    validation_seconds: float
    cpu_seconds: float | None = None
    frames: int | None = None
    by: str = "elbo"


@dataclass(frozen=True, kw_only=True)
class Starts:
    """The starts of a run.

    Attributes:
        tried: all of them.
        margin: figures within so much of the highest count as equally high.
    """

    tried: tuple[Start, ...]
    margin: float

    @property
    def chosen(self) -> int:
        """The seed of the start that goes on."""
        highest = max(start.elbo for start in self.tried)
        equals = [start for start in self.tried if start.elbo >= highest - self.margin]
        return max(equals, key=lambda start: (start.mean_depth, start.elbo)).seed

    @property
    def others(self) -> tuple[Start, ...]:
        """The starts that were given up."""
        return tuple(start for start in self.tried if start.seed != self.chosen)


def seeds(experiment: Experiment) -> range:
    """The seeds of an experiment's starts: those of two experiments' seeds do not meet."""
    settings = experiment.training
    return range(settings.seed * settings.starts, (settings.seed + 1) * settings.starts)


def read_starts(run: RunFolder) -> Starts | None:
    """The starts of a run that were compared; None where there was one only, or none is chosen.

    Raises:
        RunFolderError: the file is damaged.
    """
    if not (run.path / STARTS).exists():
        return None
    saved = run.read_json(STARTS)
    try:
        tried = tuple(Start(**start) for start in saved["tried"])
        return Starts(tried=tried, margin=saved["margin"])
    except (TypeError, KeyError) as error:
        raise RunFolderError(
            f"{run.path / STARTS} is damaged ({error}); restore it, or start the run afresh"
        ) from None


def of_seed(experiment: Experiment, seed: int) -> Experiment:
    """The experiment with one start, of that seed."""
    return replace(experiment, training=replace(experiment.training, seed=seed, starts=1))


def best_start(
    run: RunFolder,
    experiment: Experiment,
    source: ClipSource,
    validate: Validate,
    draw_clips: DrawClips,
    *,
    say: Say,
    on_log: OnLog | None = None,
) -> Starts:
    """Begin as often as the experiment says, and make the best start the state of the run.

    Each start is a run in a folder below the run's; an interrupted one goes on where it was. When
    all are there the choice is written, then the best one's checkpoint and metrics become the
    run's, then the rest is removed: a kill at any moment loses nothing.

    Raises:
        Interrupted: somebody stopped it; the run can be resumed.
        TrainingError: as of :func:`dlh.training.loop.train`.
    """
    starts = read_starts(run)
    if starts is None:
        settings, tried = experiment.training, []
        for number, seed in enumerate(seeds(experiment), start=1):
            say(f"start {number} of {settings.starts} (seed {seed})")
            tried.append(
                _begin(run, of_seed(experiment, seed), source, validate, draw_clips, on_log)
            )
        starts = Starts(tried=tuple(tried), margin=settings.start_margin)
        run.write_json(STARTS, {"chosen": starts.chosen, **asdict(starts)})
        found = ", ".join(
            f"seed {start.seed}: {start.elbo:.2f} ({start.mean_depth:.2f})" for start in tried
        )
        what = (
            "bound after {} steps, nats a frame" if tried[0].by == "elbo" else "{1} after {0} steps"
        )
        say(
            f"held-out {what.format(settings.start_steps, tried[0].by)} (and how many levels "
            f"change at a step): {found}; seed {starts.chosen} goes on"
        )
    _adopt(run, starts.chosen)
    return starts


def _begin(
    run: RunFolder,
    experiment: Experiment,
    source: ClipSource,
    validate: Validate,
    draw_clips: DrawClips,
    on_log: OnLog | None,
) -> Start:
    seed, end = experiment.training.seed, experiment.training.start_steps
    folder = RunFolder(_folder(run, seed))
    with os_errors_as(RunFolderError, f"cannot make the folder {folder.path}"):
        folder.path.mkdir(parents=True, exist_ok=True)
    run.write_status("running", step=newest_step(folder.checkpoints), steps=end)
    network = untrained_network(folder, experiment)
    by = network.plan.judged_by
    try:
        result = train(
            network,
            source,
            experiment.training,
            folder,
            until=end,
            validate=validate,
            draw_samples=sample_drawing(
                folder, source, draw_clips, clip_length=experiment.training.clip_length
            ),
            on_log=on_log,
        )
    except Interrupted as stopped:
        run.write_status("interrupted", step=stopped.step, steps=end)
        raise Interrupted(folder=run.path, step=stopped.step) from None
    except Exception as error:
        run.write_status(
            "failed", step=newest_step(folder.checkpoints), steps=end, message=str(error)
        )
        raise
    return Start(
        seed=seed,
        elbo=result.validation[by],
        mean_depth=result.validation.get(DEPTH, 1.0),  # clips of one frame have none
        train_seconds=result.train_seconds,
        validation_seconds=result.validation_seconds,
        cpu_seconds=result.cpu_seconds,
        frames=result.frames,
        by=by,
    )


def _adopt(run: RunFolder, seed: int) -> None:
    """Move what a start left into the run; what was moved before a kill is not moved again."""
    if not (run.path / FOLDER).exists():
        return
    best = RunFolder(_folder(run, seed))
    with os_errors_as(RunFolderError, f"cannot write in {run.path}"):
        samples = best.path / SAMPLES
        for folder in (best.checkpoints, samples):
            if folder.exists():
                (run.path / folder.name).mkdir(exist_ok=True)
        for part in (*best.checkpoints.glob("*"), *samples.glob("*"), best.metrics.path):
            if part.exists():
                os.replace(part, run.path / part.relative_to(best.path))
        shutil.rmtree(run.path / FOLDER)


def _folder(run: RunFolder, seed: int) -> Path:
    return run.path / FOLDER / f"seed-{seed}"
