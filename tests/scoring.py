"""Small clips and models to be scored, and a protocol for them."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from dlh.evaluation.floors import KnownFutures
from dlh.evaluation.protocol import MetricSpec, Protocol, ScoredClips, ScoredModel
from dlh.evaluation.rows import Row
from dlh.evaluation.scores.frames import METRICS
from dlh.interfaces import Prediction

SHAPE = (1, 12, 12)
CLIPS, CONTEXT, HORIZON, SAMPLES = 4, 3, 5, 7

PROTOCOL = Protocol(
    name="test",
    data=ScoredClips(
        name="noise",
        split="test",
        clips=CLIPS,
        frame_shape=SHAPE,
        manifest_sha256="a" * 64,
        truth_sha256="b" * 64,
    ),
    context=CONTEXT,
    horizon=HORIZON,
    samples=SAMPLES,
    samples_per_draw=3,
    seed=5,
    metrics=tuple(MetricSpec.of(metric) for metric in METRICS.values()),
    model=ScoredModel(name="noise", sha256="c" * 64),
    software={"dlh": "0"},
)


def protocol(**changes) -> Protocol:
    return replace(PROTOCOL, **changes)


def frames(*leading: int, seed: int = 0) -> Tensor:
    """Random frames (*leading, channel, height, width)."""
    return torch.rand(*leading, *SHAPE, generator=torch.Generator().manual_seed(seed))


class Noise:
    """A stochastic model: the last frame with noise on it."""

    frame_shape = SHAPE

    def objective(self, video, *, generator=None, **how):
        raise AssertionError("scoring needs no objective")

    def predict(self, context, *, horizon, samples=1, generator=None) -> Prediction:
        shape = (len(context), samples, horizon, *SHAPE)
        noise = torch.rand(shape, generator=generator, device=context.device)
        return Prediction(frames=0.5 * context[:, None, -1:] + 0.5 * noise)


def row(model=None, name: str = "model", samples: int = SAMPLES) -> Row:
    model = model or Noise()
    return Row(name=name, samples=samples, model=lambda clip, block: model)


def known(futures: Tensor, name: str = "model") -> Row:
    """Futures (clip, sample, time, ...) that lie ready."""
    return Row(
        name=name,
        samples=futures.shape[1],
        model=lambda clip, block: KnownFutures(
            name=name, futures=futures[clip, block.start : block.stop]
        ),
    )
