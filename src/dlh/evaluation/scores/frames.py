"""Scores of single frames that need nothing but the frames: PSNR and two structural similarities.

The two similarities differ so much (0.54 and 0.81 for one and the same frame) that they have two
names:

- :func:`ssim`: a Gaussian window of 11 x 11 pixels (standard deviation 1.5, cut at 3.5 of them),
  population covariance, data range 1. SRVP, TECO, FitVid and ConvSSM report it.
- :func:`ssim_legacy`: a uniform window of 7 x 7 pixels, sample covariance, and data range 2, which
  is what scikit-image took for floats (up to 0.18) where the caller named no range. CW-VAE, SVG and
  LMC-Memory report it.

Both are Wang et al., "Image quality assessment: from error visibility to structural similarity",
IEEE Trans. Image Processing 13 (2004), Eq. 13, averaged over the pixels whose window lies inside
the frame, then over the channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dlh.errors import DlhError

FrameScore = Callable[[Tensor, Tensor], Tensor]
"""(prediction, truth), both (..., time, channel, height, width) floats in [0, 1], to (..., time).

The leading axes of the truth broadcast against those of the prediction.
"""


class NotComputed(DlhError, ValueError):
    """A score that cannot be computed here; the message is the reason, for a table to print."""

    code = "not-computed"


def check_frames(prediction: Tensor, truth: Tensor, *, score: str, smallest: int = 1) -> None:
    """Raise unless the frames can be compared.

    Args:
        prediction: (..., channel, height, width).
        truth: likewise, with frames of the same shape.
        score: the name of what compares them, for the message.
        smallest: the least height and width that it takes.

    Raises:
        ValueError: the frames differ in shape, or are not floating point.
        NotComputed: the frames are smaller than ``smallest``.
    """
    if prediction.ndim < 3 or prediction.shape[-3:] != truth.shape[-3:]:
        raise ValueError(
            f"{score} compares frames of one (channel, height, width), found prediction "
            f"{tuple(prediction.shape)} and truth {tuple(truth.shape)}"
        )
    for name, frames in (("prediction", prediction), ("truth", truth)):
        if not frames.is_floating_point():
            raise ValueError(f"{score} takes floats in [0, 1], found a {name} of {frames.dtype}")
    height, width = prediction.shape[-2:]
    if min(height, width) < smallest:
        raise NotComputed(
            f"{score} takes frames of at least {smallest} x {smallest} pixels, found "
            f"{height} x {width}"
        )


PSNR_CAP = 100.0
"""Decibels given to identical frames.

The ratio of a perfect frame is infinite and would swallow every mean it enters. The cap is out of
reach otherwise: one grey level wrong in one value of a 64 x 64 colour frame is 89 dB.
"""


def psnr(prediction: Tensor, truth: Tensor) -> Tensor:
    """10 log10(1 / MSE) of every frame, in decibels; average *these*, never the squared errors.

    The prediction is clipped to [0, 1] first. Identical frames score PSNR_CAP.

    Args:
        prediction: (..., channel, height, width).
        truth: in [0, 1]; its leading axes broadcast against the prediction's, its frames have the
            same shape.

    Returns:
        (...), the broadcast leading axes.
    """
    check_frames(prediction, truth, score="psnr")
    squared_error = (prediction.clamp(0, 1) - truth).square().mean((-3, -2, -1))
    return -10 * torch.log10(squared_error.clamp_min(10 ** (-PSNR_CAP / 10)))


K1, K2 = 0.01, 0.03
GAUSSIAN_SIDE, GAUSSIAN_SIGMA, GAUSSIAN_RANGE = 11, 1.5, 1.0
UNIFORM_SIDE, UNIFORM_RANGE = 7, 2.0
_PIXELS_AT_ONCE = 2**21  # bounds what the intermediate values take: some 10 of them per pixel


def ssim(prediction: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity with the Gaussian window and data range 1; 1 for identical frames.

    It takes and returns what :func:`psnr` does; the prediction is clipped to [0, 1] first.

    Raises:
        NotComputed: a frame is smaller than the window.
    """
    check_frames(prediction, truth, score="ssim", smallest=GAUSSIAN_SIDE)
    middle = GAUSSIAN_SIDE // 2
    weights = [
        math.exp(-0.5 * ((at - middle) / GAUSSIAN_SIGMA) ** 2) for at in range(GAUSSIAN_SIDE)
    ]
    return _in_chunks(prediction, truth, weights, data_range=GAUSSIAN_RANGE, correction=1.0)


def ssim_legacy(prediction: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity with the uniform window and data range 2; otherwise as :func:`ssim`."""
    check_frames(prediction, truth, score="ssim_legacy", smallest=UNIFORM_SIDE)
    pixels = UNIFORM_SIDE**2
    return _in_chunks(
        prediction,
        truth,
        [1.0] * UNIFORM_SIDE,
        data_range=UNIFORM_RANGE,
        correction=pixels / (pixels - 1),
    )


def _in_chunks(
    prediction: Tensor,
    truth: Tensor,
    weights: list[float],
    *,
    data_range: float,
    correction: float,
) -> Tensor:
    """The mean similarity of every frame, a bounded number of frames at a time."""
    prediction, truth = torch.broadcast_tensors(prediction, truth)
    leading, frame = prediction.shape[:-3], prediction.shape[-3:]
    # expand() made both views; what flatten() copies of the truth is as large as the prediction
    pairs = zip(
        prediction.reshape(-1, *frame).split(max(1, _PIXELS_AT_ONCE // frame.numel())),
        truth.reshape(-1, *frame).split(max(1, _PIXELS_AT_ONCE // frame.numel())),
        strict=True,
    )
    scores = [
        _similarity(ours.clamp(0, 1), theirs, weights, data_range, correction).mean((-3, -2, -1))
        for ours, theirs in pairs
    ]
    return torch.cat(scores).reshape(leading)


def _similarity(
    prediction: Tensor, truth: Tensor, weights: list[float], data_range: float, correction: float
) -> Tensor:
    """The similarity around every pixel whose window lies inside the frame."""
    rows = _averaging(weights, prediction.shape[-2], prediction)
    columns = _averaging(weights, prediction.shape[-1], prediction).T

    def average(image: Tensor) -> Tensor:
        return rows @ image @ columns

    mean_x, mean_y = average(prediction), average(truth)
    product, squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    covariance = correction * (average(prediction * truth) - product)
    variances = correction * (average(prediction.square() + truth.square()) - squares)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    return ((2 * product + c1) * (2 * covariance + c2)) / ((squares + c1) * (variances + c2))


def _averaging(weights: list[float], size: int, like: Tensor) -> Tensor:
    """(size - window + 1, size): the matrix that takes the weighted mean of every window."""
    total, window = sum(weights), len(weights)
    matrix = torch.zeros(size - window + 1, size, dtype=torch.float64)
    for offset, weight in enumerate(weights):
        matrix.diagonal(offset).fill_(weight / total)
    return matrix.to(like)


@dataclass(frozen=True)
class Metric:
    """A score of a predicted frame against the true one.

    Attributes:
        name: as in tables and files.
        parameters: what has to be the same for two numbers to be comparable; plain values, fit for
            JSON.
        higher_is_better: whether the best sample is the one with the highest score.
        score: one number per frame, see FrameScore. It raises :class:`NotComputed` where frames of
            this size have no score.
    """

    name: str
    parameters: dict[str, object]
    higher_is_better: bool
    score: FrameScore


_SIMILARITY: dict[str, object] = {
    "k1": K1,
    "k2": K2,
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
                "side": GAUSSIAN_SIDE,
                "sigma": GAUSSIAN_SIGMA,
                "covariance": "population",
                "data_range": GAUSSIAN_RANGE,
                **_SIMILARITY,
            },
            higher_is_better=True,
            score=ssim,
        ),
        Metric(
            name="ssim_legacy",
            parameters={
                "window": "uniform",
                "side": UNIFORM_SIDE,
                "covariance": "sample",
                "data_range": UNIFORM_RANGE,
                **_SIMILARITY,
            },
            higher_is_better=True,
            score=ssim_legacy,
        ),
    )
}
"""The metrics that need nothing but the frames; lpips.py has the one that needs weights."""
