"""From an experiment to the model and the clips it names."""

from __future__ import annotations

from pathlib import Path

import torch

from dlh.data.clips import ClipSource
from dlh.data.moving_ball import MovingBall
from dlh.experiments.experiment import Experiment
from dlh.experiments.presets import PresetError
from dlh.model import DynamicLatentHierarchy
from dlh.pretrained import DLH, PretrainedError
from dlh.settings import to_plain


def build_model(experiment: Experiment) -> DynamicLatentHierarchy:
    """The model before its first step: drawn from the training seed, or the weights that ``init`` names.

    Raises:
        PretrainedError: ``init`` cannot be loaded, or is not of this model's sizes.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(experiment.training.seed)
        model = DynamicLatentHierarchy(experiment.model)
    if experiment.init is not None:
        given = DLH.from_pretrained(experiment.init).model
        wrong = sorted(_shapes(model).items() ^ _shapes(given).items())
        if wrong:
            mine, theirs = to_plain(model.config), to_plain(given.config)
            differences = [
                f"{name} {theirs[name]} instead of {mine[name]}"
                for name in mine
                if mine[name] != theirs[name]
            ]
            raise PretrainedError(
                f"the weights of {experiment.init} do not fit this model: "
                f"{'; '.join(differences) or wrong[0][0]}"
            )
        model.load_state_dict(given.state_dict())
    return model


def open_source(experiment: Experiment) -> ClipSource:
    """The clips an experiment trains on.

    Raises:
        PresetError: the experiment names no data.
        DataError: the data cannot be used.
    """
    data = experiment.data
    if data.generated:
        return MovingBall(data.ball)
    if not data.source:
        raise PresetError(
            f"the preset {experiment.preset} needs its data: "
            f"`dlh train {experiment.preset} --data FOLDER`, where FOLDER holds the videos"
        )
    from dlh.data.folder import open_data

    return open_data(
        Path(data.source),
        frame_shape=experiment.model.frame_shape,
        clip_length=experiment.training.clip_length,
    )


def _shapes(model: torch.nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in model.state_dict().items()}
