"""The scores of one clip's futures, of which no more than one block is ever in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from dlh.evaluation.protocol import Protocol
from dlh.evaluation.rows import Row, draw
from dlh.evaluation.scores.energy import EnergyTerms, energy_terms, pooled
from dlh.evaluation.scores.fvd import FrechetVideo
from dlh.evaluation.scores.metrics import Metric
from dlh.evaluation.stopwatch import Stopwatch

ENERGY, DIVERSITY = "energy_score", "diversity"
FEATURES = "features"
VALUES_AT_ONCE = 2**22


@dataclass(frozen=True, kw_only=True)
class MetricScores:
    """One metric of all futures of one clip, float64.

    Attributes:
        time_means: (samples,), the mean over the predicted frames.
        best_curve: (horizon,), of the sample with the best time mean.
        mean_curve: (horizon,), the mean over samples.
        best_sample: its number.
    """

    time_means: np.ndarray
    best_curve: np.ndarray
    mean_curve: np.ndarray
    best_sample: int


@dataclass(frozen=True, kw_only=True)
class ClipScores:
    """Everything that is kept of one clip under one row.

    Attributes:
        metrics: by name.
        energy, diversity: (horizon,), see :mod:`dlh.evaluation.scores.energy`.
        features: of the first future, for the Frechet distance; None where that is not computed.
    """

    metrics: Mapping[str, MetricScores]
    energy: np.ndarray
    diversity: np.ndarray
    features: np.ndarray | None = None

    def to_arrays(self) -> dict[str, np.ndarray]:
        """As named arrays, to be saved."""
        arrays = {ENERGY: self.energy, DIVERSITY: self.diversity}
        if self.features is not None:
            arrays[FEATURES] = self.features
        for name, scores in self.metrics.items():
            arrays[f"{name}/time_means"] = scores.time_means
            arrays[f"{name}/best_curve"] = scores.best_curve
            arrays[f"{name}/mean_curve"] = scores.mean_curve
            arrays[f"{name}/best_sample"] = np.array(scores.best_sample)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> ClipScores:
        """The inverse of :meth:`to_arrays`."""
        names = [key.removesuffix("/time_means") for key in arrays if key.endswith("/time_means")]
        return cls(
            metrics={
                name: MetricScores(
                    time_means=arrays[f"{name}/time_means"],
                    best_curve=arrays[f"{name}/best_curve"],
                    mean_curve=arrays[f"{name}/mean_curve"],
                    best_sample=int(arrays[f"{name}/best_sample"]),
                )
                for name in names
            },
            energy=arrays[ENERGY],
            diversity=arrays[DIVERSITY],
            features=arrays.get(FEATURES),
        )


def score_clip(
    row: Row,
    clip: int,
    context: Tensor,
    truth: Tensor,
    *,
    protocol: Protocol,
    metrics: Sequence[Metric],
    frechet: FrechetVideo | None = None,
    watch: Stopwatch | None = None,
) -> ClipScores:
    """Draw all futures of one clip and score them, a block at a time.

    Args:
        row: what predicts.
        clip: its number.
        context: (context_steps, channel, height, width).
        truth: (horizon, channel, height, width), on the same device.
        protocol: horizon, samples, blocks and seed.
        metrics: per frame.
        frechet: gives the features of the first future.
        watch: is told where the time goes.
    """
    watch = watch or Stopwatch()
    running = {metric.name: _Running(higher=metric.higher_is_better) for metric in metrics}
    energies: list[EnergyTerms] = []
    features = None
    for frames in _blocks(row, clip, context, protocol, watch):
        for metric in metrics:
            with watch.measuring(metric.name):
                running[metric.name].add(_curves(metric, frames, truth))
        with watch.measuring("energy"):
            energies.append(energy_terms(frames, truth))
        if frechet is not None and features is None:
            with watch.measuring("fvd"):
                features = frechet.features(frames[:1])[0].double().cpu().numpy()
    energy, diversity = pooled(energies)
    return ClipScores(
        metrics={name: scores.result() for name, scores in running.items()},
        energy=energy.numpy(),
        diversity=diversity.numpy(),
        features=features,
    )


def _curves(metric: Metric, frames: Tensor, truth: Tensor) -> np.ndarray:
    """(samples, horizon), a few predicted steps at a time: what is computed on the way is large."""
    steps = max(1, VALUES_AT_ONCE // frames[:, 0].numel())
    pieces = zip(frames.split(steps, 1), truth.split(steps), strict=True)
    return np.concatenate(
        [metric.score(ours, theirs).double().cpu().numpy() for ours, theirs in pieces], axis=1
    )


def _blocks(
    row: Row, clip: int, context: Tensor, protocol: Protocol, watch: Stopwatch
) -> Iterator[Tensor]:
    """The blocks of futures; a deterministic model has a single future."""
    for block in protocol.blocks(row.samples):
        with watch.measuring("predict"):
            frames = draw(row, clip, context, block, horizon=protocol.horizon, seed=protocol.seed)
            if frames.device.type == "cuda":
                torch.cuda.synchronize(frames.device)
        yield frames
        if len(frames) < len(block):
            return


@dataclass
class _Running:
    """The scores of the samples so far; ``best`` is the curve with the best time mean."""

    higher: bool
    time_means: list[np.ndarray] = field(default_factory=list)
    total: np.ndarray | None = None
    best: np.ndarray | None = None
    best_mean: float = 0.0
    best_sample: int = 0

    def add(self, curves: np.ndarray) -> None:
        """(samples, horizon) more."""
        means, before = curves.mean(1), sum(map(len, self.time_means))
        at = int(means.argmax() if self.higher else means.argmin())
        better = means[at] > self.best_mean if self.higher else means[at] < self.best_mean
        if self.best is None or better:
            self.best, self.best_mean, self.best_sample = curves[at], means[at], before + at
        self.total = curves.sum(0) + (0 if self.total is None else self.total)
        self.time_means.append(means)

    def result(self) -> MetricScores:
        means = np.concatenate(self.time_means)
        assert self.total is not None and self.best is not None
        return MetricScores(
            time_means=means,
            best_curve=self.best,
            mean_curve=self.total / len(means),
            best_sample=self.best_sample,
        )
