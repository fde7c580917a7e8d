"""Figures to TensorBoard, Weights & Biases or trackio, through accelerate, beside metrics.jsonl."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dlh.training.config import TrainingConfig
from dlh.training.errors import TrainingError
from dlh.training.run import RunFolder

PROJECT = "dlh"
FOLDER = "tracking"
"""In the run's folder: what TensorBoard reads, and what W&B keeps while it is offline."""

Track = Callable[[dict[str, Any]], None]


def require_trackers(config: TrainingConfig) -> None:
    """Find out before a training begins that what it should log with is there.

    Raises:
        TrainingError: a tracker is not installed, or nobody is logged in there.
    """
    for name in config.trackers:
        if find_spec(name) is None:
            raise TrainingError(
                f"figures should go to {name}, which is not installed: pip install 'dlh[{name}]', "
                "or leave it out of --training.trackers"
            )
    if "wandb" in config.trackers:
        _require_login()


def _require_login() -> None:
    import wandb

    if wandb.setup().settings.mode != "online":
        return
    # Whether the key is good shows when the run is opened there.
    if not wandb.login(prompt=False, verify=False):
        raise TrainingError(
            "figures should go to wandb, which has no API key here: log in with `wandb login`, set "
            "WANDB_API_KEY, or set WANDB_MODE=offline"
        )


@contextmanager
def tracking(config: TrainingConfig, run: RunFolder, *, whole: bool) -> Generator[Track | None]:
    """A function that passes a line of metrics.jsonl on; None where nothing tracks.

    A run that goes on is the same run there too. What was measured before anything tracked it is
    sent first.

    Args:
        config: names the trackers.
        run: its path names it there.
        whole: whether this is the run itself; the starts that it may be chosen from are not
            tracked.

    Raises:
        TrainingError: a tracker is not installed, or cannot be opened.
    """
    if not (config.trackers and whole):
        yield None
        return
    require_trackers(config)
    folder = run.path / FOLDER
    begun = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    trackers = [_tracker(name, run.path, folder) for name in config.trackers]

    def track(entry: Mapping[str, Any]) -> None:
        figures = {n: value for n, value in entry.items() if isinstance(value, int | float)}
        step = int(figures.pop("step"))
        for tracker in trackers:
            tracker.log(figures, step=step)

    started = []
    try:
        for name, tracker in zip(config.trackers, trackers, strict=True):
            try:
                tracker.start()
            except Exception as error:  # each has errors of its own
                reason = str(error).strip() or type(error).__name__
                raise TrainingError(
                    f"{name} cannot be opened: {reason}; mend that, or leave it out of "
                    "--training.trackers"
                ) from error
            started.append(tracker)
            tracker.store_init_configuration(_plain(asdict(config)))
        for entry in [] if begun else run.metrics.read():
            track(entry)
        yield track
    finally:
        for tracker in started:
            tracker.finish()


def _tracker(name: str, run: Path, folder: Path) -> Any:
    """accelerate's own tracker of that name, for this run."""
    from accelerate.tracking import TensorBoardTracker, TrackioTracker, WandBTracker

    if name == "tensorboard":
        return TensorBoardTracker(PROJECT, logging_dir=folder)
    # The same run whenever it goes on, wherever it was moved from.
    known = hashlib.sha256(os.fsencode((run / "experiment.json").resolve())).hexdigest()[:16]
    if name == "wandb":
        return WandBTracker(PROJECT, dir=str(folder), name=run.name, id=known, resume="allow")
    return TrackioTracker(PROJECT, name=f"{run.name}-{known}", resume="allow")


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as trackers take them: numbers and strings."""
    kept = (int, float, str, bool)
    return {k: v if isinstance(v, kept) else str(v) for k, v in settings.items()}
