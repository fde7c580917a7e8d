"""An evaluation opened: its clips, rows and metrics, and the protocol that they make together."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dlh import __version__
from dlh.evaluation.clip_events import count_events
from dlh.evaluation.clip_scores import ClipScores, score_clip
from dlh.evaluation.clips import EvaluatedClips, identify
from dlh.evaluation.protocol import (
    MetricSpec,
    Protocol,
    ScoredModel,
    samples_per_draw,
)
from dlh.evaluation.rows import Rows
from dlh.evaluation.scores import fvd, lpips
from dlh.evaluation.scores.frames import NotComputed
from dlh.evaluation.scores.fvd import FVD, FrechetVideo, check_videos
from dlh.evaluation.scores.metrics import METRICS, Metric
from dlh.evaluation.stopwatch import Stopwatch
from dlh.evaluation.summary import ROWS
from dlh.files.outputs import Say
from dlh.interfaces import TrainableModel
from dlh.settings import to_plain

EVENTS, TRUTH = "events", "truth"


@dataclass(frozen=True, kw_only=True)
class WeightsRequest:
    """Which weights LPIPS and FVD take.

    Attributes:
        lpips, fvd: files that one has; empty for the published ones.
        download: fetch what is not here.
    """

    lpips: tuple[Path, ...] = ()
    fvd: tuple[Path, ...] = ()
    download: bool = False


@dataclass(frozen=True, kw_only=True)
class Scorers:
    """What can be computed of these frames here, and why the rest cannot.

    Attributes:
        metrics: of single frames.
        frechet: of whole videos; None where it is missing.
        missing: name of a metric to the reason.
    """

    metrics: tuple[Metric, ...]
    frechet: FrechetVideo | None
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def specs(self) -> tuple[MetricSpec, ...]:
        """For the protocol."""
        specs = [MetricSpec.of(metric) for metric in self.metrics]
        return (*specs, *([] if self.frechet is None else [self.frechet.spec()]))


def open_scorers(
    weights: WeightsRequest,
    *,
    frame_shape: tuple[int, int, int],
    horizon: int,
    device: torch.device,
    progress: Callable[[int, int | None], None] | None = None,
) -> Scorers:
    """All metrics that frames of this shape can have.

    Raises:
        WeightsError: a file of weights was named and cannot be used.
    """
    lpips.PUBLISHED.check_given(weights.lpips)
    fvd.PUBLISHED.check_given(weights.fvd)
    metrics, missing, frechet = [], {}, None
    found = {"download": weights.download, "progress": progress}
    frame = torch.zeros(1, *frame_shape, device=device)
    for name, metric in METRICS.items():
        try:
            metric.score(frame, frame)
            metrics.append(metric)
        except NotComputed as error:
            missing[name] = str(error)
    try:
        lpips.check_pair(frame, frame)  # before anything is fetched
        metrics.append(lpips.lpips_metric(lpips.PUBLISHED.find(weights.lpips, **found), device))
    except NotComputed as error:
        missing["lpips"] = str(error)
    try:
        check_videos(frame[:, None].expand(1, horizon, *frame_shape))
        frechet = FrechetVideo.load(fvd.PUBLISHED.find(weights.fvd, **found), device)
    except NotComputed as error:
        missing[FVD] = str(error)
    return Scorers(metrics=tuple(metrics), frechet=frechet, missing=missing)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All that scoring a clip takes.

    Attributes:
        clips: what is predicted.
        rows: by name; a text says why there is none.
        scorers: what is computed.
        device: where.
        decides: the model whose events are counted; None where it has none.
    """

    clips: EvaluatedClips
    rows: Rows
    scorers: Scorers
    device: torch.device
    decides: TrainableModel | None = None

    def protocol(self, *, name: str, samples: int, seed: int, model: ScoredModel) -> Protocol:
        """What the results will say of how they came about; reads every clip once."""
        clips = self.clips
        return Protocol(
            name=name,
            data=identify(clips),
            context=clips.context,
            horizon=clips.horizon,
            samples=samples,
            samples_per_draw=samples_per_draw(samples, clips.horizon, clips.frame_shape),
            seed=seed,
            metrics=self.scorers.specs,
            model=model,
            software={
                "dlh": __version__,
                "torch": str(torch.__version__),
                "numpy": np.__version__,
                "python": platform.python_version(),
                "device": self.device.type,
            },
        )

    def score(
        self, clip: int, protocol: Protocol, watch: Stopwatch | None = None
    ) -> dict[str, np.ndarray]:
        """The scores of a clip under every row, as named arrays: "ROW/METRIC/..."."""
        watch = watch or Stopwatch()
        context, truth, events = self.tensors(clip)
        found: dict[str, np.ndarray] = {}
        for name in ROWS:
            row = self.rows[name]
            if isinstance(row, str):
                continue
            scores = score_clip(
                row,
                clip,
                context,
                truth,
                protocol=protocol,
                metrics=self.scorers.metrics,
                frechet=self.scorers.frechet,
                # The floors cost time of their own, which is not the model's.
                watch=watch if name == ROWS[0] else None,
            )
            found |= {f"{name}/{key}": array for key, array in scores.to_arrays().items()}
        if self.scorers.frechet is not None:
            features = self.scorers.frechet.features(truth[None])[0]
            found[TRUTH] = features.double().cpu().numpy()
        if self.decides is not None and events is not None:
            video = torch.cat([context, truth])
            counts = count_events(self.decides, video, events, clip=clip, seed=protocol.seed)
            if counts is not None:
                found[EVENTS] = counts
        return found

    def tensors(self, clip: int) -> tuple[Tensor, Tensor, np.ndarray | None]:
        """Context and truth on the device, and the true events.

        Where the context is not known it is a black frame, at which no row looks.
        """
        read = self.clips.read(clip)
        context = read.context
        if context is None:
            context = torch.zeros(1, *self.clips.frame_shape)
        return context.to(self.device), read.truth.to(self.device), read.events

    def row_scores(
        self, found: Sequence[dict[str, np.ndarray]]
    ) -> dict[str, list[ClipScores] | str]:
        """The scores of all clips by row, from what :meth:`score` gave of each."""
        scores: dict[str, list[ClipScores] | str] = {}
        for name in ROWS:
            row = self.rows[name]
            if isinstance(row, str):
                scores[name] = row
                continue
            start = f"{name}/"
            scores[name] = [
                ClipScores.from_arrays(
                    {key.removeprefix(start): a for key, a in clip.items() if key.startswith(start)}
                )
                for clip in found
            ]
        return scores


def say_missing(scorers: Scorers, say: Say) -> None:
    """A line for each metric that is not computed."""
    for name, reason in scorers.missing.items():
        say(f"{name} is not computed: {reason}")


def model_digest(model: TrainableModel) -> str:
    """SHA-256 of configuration and weights, whatever file they were in."""
    assert isinstance(model, torch.nn.Module)
    # Without its kind, which the names of its weights tell: so it is what it was before kinds were.
    settings = {name: value for name, value in to_plain(model.config).items() if name != "kind"}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
