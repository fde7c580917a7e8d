"""Frames in [0, 1] to the 5-bit frames in [-1, 1) that the model is a density of, and back."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

GREY_LEVELS = 32


def grey_level(frames: Float[Tensor, "*frames"]) -> Int[Tensor, "*frames"]:
    """The 5-bit level, 0 to 31, of every pixel in [0, 1]: floor(255 f / 8).

    In single precision also for a frame of double precision: k / 255 times 255 is k there.
    """
    return (frames.float() * 255 / 8).floor().clamp(0, GREY_LEVELS - 1).long()


def dequantise(
    frames: Float[Tensor, "*frames"], uniform: Float[Tensor, "*frames"]
) -> Float[Tensor, "*frames"]:
    """y = 2 ((q + u) / 32 - 1/2), in [-1, 1): a 5-bit frame spread evenly over its bins.

    Args:
        frames: in [0, 1].
        uniform: u, in [0, 1), one number per pixel.
    """
    return 2 * ((grey_level(frames) + uniform) / GREY_LEVELS - 0.5)


def to_frames(mean: Float[Tensor, "*frames"], way_back: str) -> Float[Tensor, "*frames"]:
    """The frame in [0, 1] for a mean in [-1, 1].

    Args:
        mean: what the decoder puts out.
        way_back: "grey_levels": k / 31 of the bin k that holds the mean, 32 values; "smooth": the
            line that has k / 31 at the middle of bin k.
    """
    bins = GREY_LEVELS * (mean / 2 + 0.5)
    level = bins.floor() if way_back == "grey_levels" else bins - 0.5
    return torch.clamp(level / (GREY_LEVELS - 1), 0, 1)
