"""What an evaluation was asked for, and how it is opened: by the command, and by each process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from dlh.analysis.measure import mean_training_frame
from dlh.data.clips import ClipSource, DataError
from dlh.data.fetch.remote import sha256_of
from dlh.data.named.manifest import Manifest
from dlh.data.published import catalogue
from dlh.errors import UsageError
from dlh.evaluation.clips import EvaluatedClips, SourceClips
from dlh.evaluation.evaluation import (
    Evaluation,
    WeightsRequest,
    model_digest,
    open_scorers,
)
from dlh.evaluation.predictions import PredictionsFile
from dlh.evaluation.protocol import ScoredModel
from dlh.evaluation.rows import Rows, floor_rows, row_of_file, row_of_model
from dlh.interfaces import ConfigError
from dlh.pretrained import TrainedModel, open_model
from dlh.runs.build import open_source
from dlh.runs.experiment import DataConfig, Experiment
from dlh.runs.origin import data_for, run_of, trained_as
from dlh.runs.snapshot import check_same_videos
from dlh.settings import suggestion
from dlh.training.device import choose_device

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The numbers of a protocol.

    Attributes:
        context, horizon: frames observed and predicted.
        samples: futures of each clip.
        clips: at most so many.
    """

    context: int
    horizon: int
    samples: int
    clips: int

    def __post_init__(self) -> None:
        for name in ("context", "horizon", "samples", "clips"):
            if (value := getattr(self, name)) < 1:
                raise UsageError(f"{name} is at least 1, found {value}")


PROTOCOLS = {
    "demo": Numbers(context=30, horizon=100, samples=16, clips=64),
    "paper": Numbers(context=30, horizon=300, samples=100, clips=100),
}
CHANGED = ", changed"
"""Behind the name of a protocol of which a number is not its own."""
MAZES = (
    catalogue.GQN_MAZES, catalogue.GQN_MAZES_TFRECORD, catalogue.TECO_DMLAB, catalogue.VIZDOOM_MAZES
)  # fmt: skip
MAZE_HORIZON = 200
"""The paper predicts so many frames of mazes, whose videos have 300."""


def protocol_numbers(name: str, *, of_mazes: bool = False) -> Numbers:
    """The numbers of a protocol by name; UsageError where there is none of that name."""
    if name not in PROTOCOLS:
        raise UsageError(f"there is no protocol {name!r}{suggestion(name, list(PROTOCOLS))}")
    numbers = PROTOCOLS[name]
    return replace(numbers, horizon=MAZE_HORIZON) if name == "paper" and of_mazes else numbers


@dataclass(frozen=True, kw_only=True)
class Request:
    """An evaluation, as plain values that can be handed to another process.

    Attributes:
        model: a name that dlh.open_model takes; None for a file of predictions.
        predictions: the file; None for a model.
        protocol: name of the protocol; None for "demo".
        data: what to predict instead of the run's own data.
        manifest: which clips of it.
        context, horizon, samples, clips: instead of the protocol's.
        seed: of the protocol.
        weights: of LPIPS and FVD.
        scratch: a folder of its own for what is unpacked on the way; only predictions need one.
    """

    model: str | None = None
    predictions: Path | None = None
    protocol: str | None = None
    data: str | None = None
    manifest: Path | None = None
    context: int | None = None
    horizon: int | None = None
    samples: int | None = None
    clips: int | None = None
    seed: int = 0
    weights: WeightsRequest = WeightsRequest()  # noqa: RUF009
    scratch: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a request names, and what its protocol says of it.

    Attributes:
        evaluation: all that scoring takes.
        name: of the protocol.
        samples: futures of a clip.
        asked: clips that were asked for; there may be fewer.
        model: what is scored.
        file: the predictions, where they are scored.
    """

    evaluation: Evaluation
    name: str
    samples: int
    asked: int
    model: ScoredModel
    file: PredictionsFile | None = None


def open_request(
    request: Request, *, device: torch.device | None = None, progress: Progress | None = None
) -> Opened:
    """Open model, data and metrics.

    Raises:
        UsageError: something was asked for that cannot be.
        DataError, PretrainedError, RunFolderError: data, weights or model cannot be used.
    """
    device = device or choose_device("auto")
    if request.predictions is not None:
        return _open_file(request, request.predictions, device, progress)
    assert request.model is not None
    dlh = open_model(request.model, device)
    experiment = _experiment(request, dlh)
    source = open_source(experiment)
    if source.frame_shape != dlh.model.frame_shape:
        raise DataError(
            f"{source.name} has frames of (channel, height, width) = {source.frame_shape}, the "
            f"model of {request.model} takes {dlh.model.frame_shape}; name data of that size with "
            "--data, or evaluate a model of the data's size"
        )
    of_mazes = source.name in MAZES or experiment.data.source in MAZES
    numbers, name = _numbers(request, of_mazes)
    manifest = None if request.manifest is None else Manifest.load(request.manifest)
    if manifest is not None:
        for option, asked, there in (
            ("context", request.context, manifest.context),
            ("horizon", request.horizon, manifest.horizon),
            ("clips", request.clips, len(manifest.clips)),
        ):
            if asked not in (None, there):
                raise UsageError(
                    f"{request.manifest} names {len(manifest.clips)} clips of {manifest.context} + "
                    f"{manifest.horizon} frames, --{option} {asked} cannot be; leave it out"
                )
        named = replace(numbers, context=manifest.context, horizon=manifest.horizon)
        if named != numbers and not name.endswith(CHANGED):
            name += CHANGED
        numbers = named
    clips = SourceClips(
        source,
        context=numbers.context,
        horizon=numbers.horizon,
        count=numbers.clips,
        manifest=manifest,
    )
    evaluation = _evaluation(
        request,
        clips,
        rows={"model": row_of_model(dlh.model, numbers.samples)},
        samples=numbers.samples,
        mean=_mean_frame(source, experiment),
        device=device,
        progress=progress,
    )
    return Opened(
        evaluation=replace(evaluation, decides=dlh.model),
        name=name,
        samples=numbers.samples,
        asked=clips.count if manifest is not None else numbers.clips,
        model=ScoredModel(name=request.model, sha256=model_digest(dlh.model)),
    )


def _open_file(
    request: Request, path: Path, device: torch.device, progress: Progress | None
) -> Opened:
    assert request.scratch is not None
    file = PredictionsFile(path, horizon=request.horizon, scratch=request.scratch)
    evaluation = _evaluation(
        request,
        file,
        rows={"model": row_of_file(file)},
        samples=file.samples,
        mean="a file of predictions has no training clips",
        device=device,
        progress=progress,
    )
    model = ScoredModel(name=path.name, sha256=sha256_of(path))
    return Opened(
        evaluation=evaluation,
        name="predictions",
        samples=file.samples,
        asked=file.count,
        model=model,
        file=file,
    )


def _evaluation(
    request: Request,
    clips: EvaluatedClips,
    *,
    rows: Rows,
    samples: int,
    mean: Tensor | str,
    device: torch.device,
    progress: Progress | None,
) -> Evaluation:
    return Evaluation(
        clips=clips,
        rows=rows | floor_rows(clips, samples=samples, seed=request.seed, mean=mean),
        scorers=open_scorers(
            request.weights,
            frame_shape=clips.frame_shape,
            horizon=clips.horizon,
            device=device,
            progress=progress,
        ),
        device=device,
    )


def _experiment(request: Request, dlh: TrainedModel) -> Experiment:
    """Of the run, on the data that was asked for; other models need data, unless they tell it."""
    assert request.model is not None
    run, known = run_of(request.model), trained_as(request.model, dlh.config)
    if run is not None:
        assert known is not None
        if request.data is None:
            check_same_videos(run, open_source(known))
            return known
        experiment, data = known, replace(known.data, source=request.data)
    else:
        if known is not None and request.data in (None, known.data.source):
            return known
        if request.data is None:
            raise UsageError(
                f"{request.model} is a model without a run, so its data must be named: --data, a "
                "folder of videos, a clip store, or the name of a data set (`dlh data list`)"
            )
        experiment = Experiment(preset="videos", data=DataConfig(source=""))
        data = data_for(request.data, dlh.config)
    try:
        return replace(experiment, model=dlh.config, data=data)
    except ConfigError as error:
        raise DataError(
            f"--data {request.data} does not fit the model of {request.model}: "
            f"{str(error).partition(';')[0]}; name data of the model's size"
        ) from None


def _numbers(request: Request, of_mazes: bool) -> tuple[Numbers, str]:
    """The numbers, and the name of the protocol: its own where none of its numbers is changed."""
    name = request.protocol or "demo"
    numbers = protocol_numbers(name, of_mazes=of_mazes)
    changes = {
        key: value
        for key in ("context", "horizon", "samples", "clips")
        if (value := getattr(request, key)) is not None and value != getattr(numbers, key)
    }
    return replace(numbers, **changes), name + CHANGED if changes else name


def _mean_frame(source: ClipSource, experiment: Experiment) -> Tensor | str:
    settings = experiment.training
    try:
        return mean_training_frame(
            source, clip_length=settings.clip_length, batch_size=settings.batch_size
        )
    except DataError as error:
        return f"there are no training clips ({error})"
