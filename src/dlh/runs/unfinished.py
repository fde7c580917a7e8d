"""The best model so far of a run that is not finished."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path

import torch

from dlh.interfaces import TrainableModel
from dlh.models import registry
from dlh.pretrained.files import holds_model
from dlh.runs.experiment import read_snapshot
from dlh.training.checkpoint import BEST, checkpoint_files, newest_step, read_checkpoint
from dlh.training.metrics import best_of
from dlh.training.run import EXPERIMENT, RunFolder


class UnfinishedRunWarning(UserWarning):
    """A run is not finished, and its best model so far is used."""


def best_so_far(name: str | Path) -> TrainableModel | None:
    """The network of the best checkpoint in a run without a finished model, in evaluation mode.

    It is the one of the highest held-out figure, over all starts of the run; where nothing was
    validated yet, the newest. A warning says which it is, and how to go on with the run.

    Returns:
        None where the folder is not that of an unfinished run, or there is no checkpoint yet.

    Raises:
        RunFolderError: the snapshot or the metrics of the run cannot be read.
        CheckpointError: the checkpoint is damaged, or of another version.
    """
    folder = Path(name)
    if not (folder / EXPERIMENT).is_file() or holds_model(folder):
        return None
    run = RunFolder(folder)
    experiment = read_snapshot(run)
    parts = [run, *(RunFolder(start) for start in sorted(folder.glob("starts/*")))]
    found = [(best_of(part.metrics.read()), part.checkpoints / BEST) for part in parts]
    validated = [(best, path) for best, path in found if best is not None and path.exists()]
    if validated:
        best, path = max(validated, key=lambda each: each[0].value)
        which = f"its best model so far, of step {best.step} (held-out {best.by} {best.value:.2f})"
    else:
        newest = [files[-1] for part in parts if (files := checkpoint_files(part.checkpoints))]
        if not newest:
            return None
        path = newest[0]
        which = f"its newest checkpoint, of step {newest_step(path.parent)}, as none was validated"
    network = registry.build(experiment.model)
    assert isinstance(network, torch.nn.Module)
    network.load_state_dict(read_checkpoint(path)["model"])
    warnings.warn(
        f"the run in {folder} is not finished: this is {which}; `dlh train --resume "
        f"{shlex.quote(str(folder))}` goes on with it",
        UnfinishedRunWarning,
        stacklevel=3,
    )
    return network.eval()
