"""Structural similarity, one number per frame, in the two conventions of the field.

They differ so much (0.54 and 0.81 for one and the same frame) that they have two names:

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

import torch
from torch import Tensor

from dlh.evaluation.scores.frames import check_frames

K1, K2 = 0.01, 0.03
GAUSSIAN_SIDE, GAUSSIAN_SIGMA, GAUSSIAN_RANGE = 11, 1.5, 1.0
UNIFORM_SIDE, UNIFORM_RANGE = 7, 2.0
_PIXELS_AT_ONCE = 2**21  # bounds what the intermediate values take: some 10 of them per pixel


def ssim(prediction: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity with the Gaussian window and data range 1; 1 for identical frames.

    The prediction is clipped to [0, 1] first.

    Args:
        prediction: (..., channel, height, width).
        truth: in [0, 1]; its leading axes broadcast against the prediction's, its frames have the
            same shape.

    Returns:
        (...), the broadcast leading axes.

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
