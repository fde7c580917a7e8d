"""Peak signal-to-noise ratio, one number per frame."""

from __future__ import annotations

import torch
from torch import Tensor

from dlh.evaluation.scores.frames import check_frames

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
