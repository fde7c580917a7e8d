"""``experiment.json``: the whole experiment, written before the first step and read on resuming."""

from __future__ import annotations

import platform
from typing import Any

from dlh import __version__
from dlh.experiments.experiment import Experiment
from dlh.settings import SettingsError, from_plain, to_plain
from dlh.training.errors import RunFolderError
from dlh.training.run import EXPERIMENT, RunFolder

VERSION = 1


def write_snapshot(run: RunFolder, experiment: Experiment) -> None:
    """Write the experiment and the software it is run with."""
    import torch

    run.write_json(
        EXPERIMENT,
        {
            "version": VERSION,
            "experiment": to_plain(experiment),
            "software": {
                "dlh": __version__,
                "torch": str(torch.__version__),
                "python": platform.python_version(),
            },
        },
    )


def read_snapshot(run: RunFolder) -> Experiment:
    """The experiment of a run.

    Raises:
        RunFolderError: the snapshot is missing, damaged, or of another version.
    """
    saved: Any = run.read_json(EXPERIMENT)
    path = run.path / EXPERIMENT
    version = saved.get("version") if isinstance(saved, dict) else None
    if version != VERSION:
        raise RunFolderError(
            f"{path} is of version {version}, this dlh reads version {VERSION}; use the dlh that wrote it, or start "
            "the run afresh"
        )
    try:
        return from_plain(Experiment, saved.get("experiment"), name="experiment")
    except SettingsError as error:
        raise RunFolderError(
            f"{path}: {error}; it was edited or is of another version"
        ) from error
