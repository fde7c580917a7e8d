"""Frames to features and back: convolutions with batch normalisation and ELU.

Every normalised layer is without a bias. In training mode the statistics are those of all frames of
the call, so a batch goes through in one call, and in no smaller parts.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from dlh.models.vta.config import VTAConfig
from dlh.networks import DoublingConvolution


class FrameEncoder(nn.Module):
    """x = conv(o): frames (batch, channel, height, width) to features (batch, belief).

    Kernel 4, stride 2, padding 1 until the map is 4 x 4; then one of kernel 4 without padding.
    """

    def __init__(self, config: VTAConfig) -> None:
        super().__init__()
        inputs, hidden = config.channels, config.convolution_channels
        self.layers = nn.Sequential()
        for _ in range(config.halvings):
            convolution = nn.Conv2d(inputs, hidden, 4, stride=2, padding=1, bias=False)
            self.layers.append(_normalised(convolution, hidden))
            inputs = hidden
        last = nn.Conv2d(hidden, config.belief_size, 4, bias=False)
        self.layers.append(_normalised(last, config.belief_size))

    def forward(
        self, frames: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch belief"]:
        return self.layers(frames).flatten(1)


class FrameDecoder(nn.Module):
    """The frame's mean in [-1, 1], deconv(f): features (batch, belief) to frames; tanh at the end.

    The first layer makes a map of 4 x 4 from one pixel, which is a matrix product; those after it,
    kernel 4, stride 2, padding 1, double the size. The last has a bias and no normalisation.
    """

    def __init__(self, config: VTAConfig) -> None:
        super().__init__()
        hidden = config.convolution_channels
        self.seed = nn.ConvTranspose2d(config.belief_size, hidden, 4, bias=False)
        self.layers = nn.Sequential(nn.Sequential(nn.BatchNorm2d(hidden), nn.ELU(inplace=True)))
        for _ in range(config.halvings - 1):
            doubling = nn.ConvTranspose2d(hidden, hidden, 4, stride=2, padding=1, bias=False)
            self.layers.append(_normalised(doubling, hidden))
        self.layers.append(DoublingConvolution(hidden, config.channels, 4, stride=2, padding=1))

    def forward(
        self, features: Float[Tensor, "batch belief"]
    ) -> Float[Tensor, "batch channel height width"]:
        seed = (features @ self.seed.weight.flatten(1)).unflatten(1, (-1, 4, 4))
        return self.layers(seed).tanh()


class BoundaryPosterior(nn.Module):
    """q(m_t | x_1..x_T): the logits of READ and COPY from the features of the whole clip.

    Four convolutions over time, kernel 3, padded with zeros at both ends of the clip: a frame's
    logits see four frames to each side.
    """

    def __init__(self, config: VTAConfig) -> None:
        super().__init__()
        inputs, hidden = config.belief_size, config.convolution_channels
        self.layers = nn.Sequential()
        for _ in range(3):
            convolution = nn.Conv1d(inputs, hidden, 3, padding=1, bias=False)
            self.layers.append(
                nn.Sequential(convolution, nn.BatchNorm1d(hidden), nn.ELU(inplace=True))
            )
            inputs = hidden
        self.layers.append(nn.Conv1d(hidden, 2, 3, padding=1))

    def forward(
        self, features: Float[Tensor, "batch time belief"]
    ) -> Float[Tensor, "batch time 2"]:
        return self.layers(features.transpose(1, 2)).transpose(1, 2)


def _normalised(convolution: nn.Module, outputs: int) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ELU(inplace=True))
