"""Reading a ball off a frame: where it is, which colour it has, how sharp it is.

Predicted and true frames are read by the same rule, so what the rule misjudges, say the centre of a
ball that is half outside, it misjudges in both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dlh.data.worlds.moving_ball import RGB, MovingBallConfig
from dlh.distributions import Tensors

BRIGHT = 0.5
"""A pixel belongs to the ball where its largest channel is above this."""
ONE_COLOUR = 0.9
"""So much of the ball must have the colour of the whole, each pixel rounded to 0 or 1."""
SATURATED = 0.25
"""The mean colour is so close to one of the palette, in each channel."""
AREAS = (0.15, 1.6)
"""Of a whole disc: what still is a ball. In a corner most of a true one may be outside, now and
then all of it: read true frames by the same rule beside the predicted ones."""


@dataclass(frozen=True, kw_only=True)
class BallReading(Tensors):
    """What frames show, each (...), of frames (..., channel, height, width).

    Attributes:
        colour: index into the palette of the nearest colour.
        clear: whether there is a ball of one saturated colour of the palette.
        centre: (x, y) of the light, pixels, (..., 2); NaN in a black frame.
        area: bright pixels, in discs.
        sharpness: 1 where every pixel is 0 or 1, 0 where none is brighter than a half.
    """

    colour: Tensor
    clear: Tensor
    centre: Tensor
    area: Tensor
    sharpness: Tensor


def read_ball(frames: Tensor, config: MovingBallConfig) -> BallReading:
    """Read the ball off frames in [0, 1], (..., 3, height, width)."""
    if frames.shape[-3] != 3:
        raise ValueError(
            f"the ball's colour needs frames of 3 channels, found shape {tuple(frames.shape)}"
        )
    light = frames.amax(-3)
    ball = light > BRIGHT
    pixels = ball.sum((-2, -1))
    palette = frames.new_tensor([RGB[name] for name in config.colours]) / 255
    mean = (frames * ball[..., None, :, :]).sum((-2, -1)) / pixels[..., None].clamp_min(1)
    distance, colour = (mean[..., None, :] - palette).abs().amax(-1).min(-1)
    alike = ((frames > BRIGHT) == (palette[colour] > BRIGHT)[..., None, None]).all(-3) & ball
    disc = _disc(config.radius)
    area = pixels / disc
    clear = (
        (distance <= SATURATED)
        & (alike.sum((-2, -1)) >= ONE_COLOUR * pixels)
        & (area >= AREAS[0])
        & (area <= AREAS[1])
    )
    total = light.sum((-2, -1))
    height, width = frames.shape[-2:]
    across = torch.arange(width, device=frames.device, dtype=frames.dtype)
    down = torch.arange(height, device=frames.device, dtype=frames.dtype)
    centre = torch.stack([light.sum(-2) @ across, light.sum(-1) @ down], -1) / total[..., None]
    grey = torch.minimum(light, 1 - light).sum((-2, -1))
    return BallReading(
        colour=colour,
        clear=clear,
        centre=centre,
        area=area,
        sharpness=torch.where(total > 0, 1 - grey / total.clamp_min(1e-9), 0.0),
    )


def _disc(radius: int) -> int:
    """Pixels of a whole disc."""
    return sum(2 * math.isqrt(radius**2 - y**2) + 1 for y in range(-radius, radius + 1))
