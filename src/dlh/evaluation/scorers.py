"""The metrics that can be computed of these frames here, and why the others cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from dlh.evaluation.protocol import MetricSpec
from dlh.evaluation.scores import fvd, lpips
from dlh.evaluation.scores.frames import NotComputed
from dlh.evaluation.scores.fvd import FVD, FrechetVideo, check_videos
from dlh.evaluation.scores.metrics import METRICS, Metric

Progress = Callable[[int, int | None], None]
"""Takes the bytes fetched so far, and how many there are to fetch, if that is known."""


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
    progress: Progress | None = None,
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
