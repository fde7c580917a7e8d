"""The scores of single frames by name, with everything that a protocol has to say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from dlh.evaluation.scores import ssim as similarity
from dlh.evaluation.scores.psnr import PSNR_CAP, psnr

FrameScore = Callable[[Tensor, Tensor], Tensor]
"""(prediction, truth), both (..., time, channel, height, width) floats in [0, 1], to (..., time).

The leading axes of the truth broadcast against those of the prediction.
"""


@dataclass(frozen=True)
class Metric:
    """A score of a predicted frame against the true one.

    Attributes:
        name: as in tables and files.
        parameters: what has to be the same for two numbers to be comparable; plain values, fit for
            JSON.
        higher_is_better: whether the best sample is the one with the highest score.
        score: one number per frame, see FrameScore. It raises
            :class:`~dlh.evaluation.scores.frames.NotComputed` where frames of this size have no
            score.
    """

    name: str
    parameters: dict[str, object]
    higher_is_better: bool
    score: FrameScore


_SIMILARITY: dict[str, object] = {
    "k1": similarity.K1,
    "k2": similarity.K2,
    "region": "pixels whose window lies inside the frame",
    "channels": "averaged",
    "prediction": "clipped to [0, 1]",
}

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            name="psnr",
            parameters={
                "unit": "dB",
                "data_range": 1.0,
                "squared_error": "of each frame, over channels and pixels",
                "identical_frames": PSNR_CAP,
                "prediction": "clipped to [0, 1]",
            },
            higher_is_better=True,
            score=psnr,
        ),
        Metric(
            name="ssim",
            parameters={
                "window": "gaussian",
                "side": similarity.GAUSSIAN_SIDE,
                "sigma": similarity.GAUSSIAN_SIGMA,
                "covariance": "population",
                "data_range": similarity.GAUSSIAN_RANGE,
                **_SIMILARITY,
            },
            higher_is_better=True,
            score=similarity.ssim,
        ),
        Metric(
            name="ssim_legacy",
            parameters={
                "window": "uniform",
                "side": similarity.UNIFORM_SIDE,
                "covariance": "sample",
                "data_range": similarity.UNIFORM_RANGE,
                **_SIMILARITY,
            },
            higher_is_better=True,
            score=similarity.ssim_legacy,
        ),
    )
}
"""The metrics that need nothing but the frames; lpips.py has the one that needs weights."""
