"""The output of level 1 to the mean of a frame."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor, nn

from dlh.models.cwvae.config import CWVAEConfig
from dlh.models.cwvae.encoder import LEAKY_RELU
from dlh.models.cwvae.initial_weights import start_as_keras
from dlh.networks import decoder_convolutions, decoder_seed_shape, frames_at_once, in_parts


class Decoder(nn.Module):
    """The mean of p(frame | z, h of level 1): a dense layer, then four transposed convolutions."""

    def __init__(self, config: CWVAEConfig) -> None:
        super().__init__()
        shape, channels = config.frame_shape, config.convolution_channels
        self.frames_at_once = frames_at_once(shape, channels)
        self.seed_shape = decoder_seed_shape(shape, channels)
        self.dense = nn.Linear(config.state_size + config.memory_size, math.prod(self.seed_shape))
        self.convolutions = decoder_convolutions(shape, channels, LEAKY_RELU)
        self.output = nn.Tanh() if config.output == "tanh" else nn.Identity()
        self.apply(start_as_keras)

    def forward(
        self, output: Float[Tensor, "batch output"]
    ) -> Float[Tensor, "batch channel height width"]:
        return in_parts(self._decode, output, self.frames_at_once)

    def _decode(self, output: Tensor) -> Tensor:
        channels, height, width = self.seed_shape
        seed = self.dense(output).unflatten(1, (height, width, channels))
        return self.output(self.convolutions(seed.permute(0, 3, 1, 2)))
