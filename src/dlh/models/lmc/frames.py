"""The frame encoder and decoder, between a frame and a map of a quarter of its size."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.models.lmc.config import LMCConfig
from dlh.networks import DoublingConvolution

ELU = partial(nn.ELU, inplace=True)


class FrameEncoder(nn.Sequential):
    """Frames (batch, channel, height, width) to features (batch, features, height/4, width/4)."""

    def __init__(self, config: LMCConfig) -> None:
        half, quarter = config.frame_channels
        super().__init__(
            nn.Conv2d(config.channels, half, 3, stride=2, padding=1),
            ELU(),
            nn.Conv2d(half, half, 3, padding=1),
            ELU(),
            nn.Conv2d(half, quarter, 3, stride=2, padding=1),
            ELU(),
            nn.Conv2d(quarter, quarter, 3, padding=1),
            ELU(),
        )


class FrameDecoder(nn.Module):
    """A frame from the top LSTM's h and the motion recalled for it, both at quarter size."""

    def __init__(self, config: LMCConfig) -> None:
        super().__init__()
        half, quarter = config.frame_channels
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(2 * config.hidden_channels, quarter, 3, padding=1),
            ELU(),
            nn.ConvTranspose2d(quarter, half, 3, stride=2, padding=1, output_padding=1),
            ELU(),
            nn.ConvTranspose2d(half, half, 3, padding=1),
            ELU(),
            DoublingConvolution(half, config.channels, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid() if config.output == "sigmoid" else nn.Identity(),
        )

    def forward(
        self,
        hidden: Float[Tensor, "batch hidden h w"],
        motion: Float[Tensor, "batch hidden h w"],
    ) -> Float[Tensor, "batch channel height width"]:
        return self.layers(torch.cat((hidden, motion), 1))
