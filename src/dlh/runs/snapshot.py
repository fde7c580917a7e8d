"""``experiment.json``: the whole experiment, written before the first step and read on resuming."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Mapping
from typing import Any

import torch

from dlh.data.clips import ClipSource
from dlh.data.worlds.moving_mnist import MovingMNIST
from dlh.runs.build import digest
from dlh.runs.experiment import Experiment, read_experiment
from dlh.settings import SettingsError, to_plain
from dlh.training.errors import RunFolderError
from dlh.training.run import EXPERIMENT, RunFolder
from dlh.version import __version__

VERSION = 1


LATER = {"rewarm_from": 0, "steps_before": 0, "later_steps": []}
"""Settings of the training that older runs do not have, and what they stand for in these."""


def write_snapshot(run: RunFolder, experiment: Experiment, source: ClipSource) -> None:
    """Write the experiment, which videos or digits it sees, and the software it is run with."""
    plain = to_plain(experiment)
    run.write_json(
        EXPERIMENT,
        {
            "version": VERSION,
            "experiment": plain,
            "experiment_sha256": _digest(plain),
            "videos_sha256": digest(source),
            "software": {
                "dlh": __version__,
                "torch": str(torch.__version__),
                "python": platform.python_version(),
            },
            "history": [],
        },
    )


def rewrite_snapshot(
    run: RunFolder,
    experiment: Experiment,
    *,
    step: int,
    changes: Mapping[str, tuple[Any, Any]],
) -> None:
    """Write the experiment that a run goes on with, and add to its history what changed, and at
    which step.
    """
    saved, plain = _read(run), to_plain(experiment)
    change = {
        "step": step,
        "time": time.time(),
        "changed": {name: {"from": old, "to": new} for name, (old, new) in changes.items()},
    }
    saved |= {"experiment": plain, "experiment_sha256": _digest(plain)}
    run.write_json(EXPERIMENT, saved | {"history": [*saved.get("history", []), change]})


def read_snapshot(run: RunFolder) -> Experiment:
    """The experiment of a run.

    Raises:
        RunFolderError: the snapshot is missing, damaged, of another version, or was edited.
    """
    path, saved = run.path / EXPERIMENT, _read(run)
    plain = saved.get("experiment")
    try:
        experiment = read_experiment(_with_later(plain))
    except SettingsError as error:
        raise RunFolderError(f"{path}: {error}; it was edited or is of another version") from error
    if saved.get("experiment_sha256") not in (_digest(plain), _digest(to_plain(experiment))):
        raise RunFolderError(
            f"{path} was edited: a run goes on with the settings that it was started with; undo "
            "that, and give what may change to `dlh train --resume RUN --training.KEY VALUE`"
        )
    return experiment


def check_same_videos(run: RunFolder, source: ClipSource) -> None:
    """Refuse to go on with a run whose videos or digits are not those it began with.

    Another file can move others to another split, and held-out videos into training.

    Raises:
        RunFolderError: they differ.
    """
    if _read(run).get("videos_sha256") != digest(source):
        what = "digits" if isinstance(source, MovingMNIST) else "videos"
        raise RunFolderError(
            f"the {what} of the run in {run.path} have changed since it began (files were added, "
            "removed or written to): bring back those it began with, or start another run"
        )


def _read(run: RunFolder) -> dict[str, Any]:
    saved = run.read_json(EXPERIMENT)
    version = saved.get("version") if isinstance(saved, dict) else None
    if version != VERSION:
        raise RunFolderError(
            f"{run.path / EXPERIMENT} is of version {version}, this dlh reads version {VERSION}; "
            "use the dlh that wrote it, or start the run afresh"
        )
    return saved


def _with_later(plain: Any) -> Any:
    """The settings, with those that are later than the run.

    Before models had kinds, a limit of None on the gradient's norm was none at all; now that is 0.
    """
    training = plain.get("training") if isinstance(plain, Mapping) else None
    if not isinstance(training, Mapping):
        return plain
    training, model = LATER | training, plain.get("model")
    has_kind = isinstance(model, Mapping) and "kind" in model
    if not has_kind and training.get("gradient_norm", 0) is None:
        training["gradient_norm"] = 0.0
    return {**plain, "training": training}


def _digest(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
