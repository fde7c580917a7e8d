"""Frames to features and back: four convolutions, four transposed convolutions (Table 4).

The paper does not say how weights start. The encoder's start orthogonal, as every perceptron's;
the decoder's Glorot uniform with biases of 0, as CW-VAE's.

64 x 64 frames get CW-VAE's stack: kernel 4, stride 2, no padding (64 -> 31 -> 14 -> 6 -> 2) on the
way in, kernels 5, 5, 6, 6, stride 2 (1 -> 5 -> 13 -> 30 -> 64) on the way out. Any other size
divisible by 16 gets the equivalent: kernel 4, stride 2, padding 1, which halves, or doubles, the
size four times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, cat, nn

from dlh.networks.perceptron import ACTIVATIONS, start_orthogonal
from dlh.networks.transposed import DoublingConvolution, TransposedConvolutionOfPixel

MOST_NUMBERS = 2**30
"""In a layer's output. Beyond 2**31 a GPU's convolutions in bfloat16 give nonsense."""
CWVAE_SIZE = (64, 64)
CWVAE_DECODER_KERNELS = (5, 5, 6, 6)


class FrameEncoder(nn.Module):
    """x^1 = conv(o): frames (batch, channel, height, width) to (batch, features) (Eq. 10)."""

    def __init__(
        self,
        frame_shape: tuple[int, int, int],
        channels: Sequence[int],
        feature_size: int,
        activation: str,
    ) -> None:
        super().__init__()
        self.frames_at_once = frames_at_once(frame_shape, channels)
        self.convolutions = encoder_convolutions(frame_shape, channels, ACTIVATIONS[activation])
        self.features = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(encoded_shape(frame_shape, channels)), feature_size),
            ACTIVATIONS[activation](),
        )
        self.apply(start_orthogonal)

    def forward(
        self, frames: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch features"]:
        return in_parts(
            lambda part: self.features(self.convolutions(part)), frames, self.frames_at_once
        )


class FrameDecoder(nn.Module):
    """The frame's mean, deconv(c^0): context (batch, context) to (batch, channel, height, width).

    The last layer is linear, so that an exact 0 can be put out: a bounded output leaves a grey
    floor.
    """

    def __init__(
        self,
        frame_shape: tuple[int, int, int],
        channels: Sequence[int],
        context_size: int,
        activation: str,
    ) -> None:
        super().__init__()
        self.frames_at_once = frames_at_once(frame_shape, channels)
        seed_shape = decoder_seed_shape(frame_shape, channels)
        self.seed = nn.Sequential(
            nn.Linear(context_size, math.prod(seed_shape)), nn.Unflatten(1, seed_shape)
        )
        self.convolutions = decoder_convolutions(frame_shape, channels, ACTIVATIONS[activation])
        self.apply(_start_glorot)

    def forward(
        self, context: Float[Tensor, "batch context"]
    ) -> Float[Tensor, "batch channel height width"]:
        return in_parts(
            lambda part: self.convolutions(self.seed(part)), context, self.frames_at_once
        )


def encoder_convolutions(
    frame_shape: tuple[int, int, int],
    channels: Sequence[int],
    activation: Callable[[], nn.Module],
) -> nn.Sequential:
    """The stack that halves a frame four times, an activation after every convolution."""
    padding = 0 if _is_cwvae_size(frame_shape) else 1
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((frame_shape[0], *channels)):
        layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=padding), activation()]
    return nn.Sequential(*layers)


def encoded_shape(
    frame_shape: tuple[int, int, int], channels: Sequence[int]
) -> tuple[int, int, int]:
    """(channel, height, width) of what :func:`encoder_convolutions` make of a frame."""
    if _is_cwvae_size(frame_shape):
        return channels[-1], 2, 2
    return channels[-1], frame_shape[1] // 16, frame_shape[2] // 16


def decoder_seed_shape(
    frame_shape: tuple[int, int, int], channels: Sequence[int]
) -> tuple[int, int, int]:
    """(channel, height, width) of what :func:`decoder_convolutions` make a frame of."""
    encoded = encoded_shape(frame_shape, channels)
    return (math.prod(encoded), 1, 1) if _is_cwvae_size(frame_shape) else encoded


def decoder_convolutions(
    frame_shape: tuple[int, int, int],
    channels: Sequence[int],
    activation: Callable[[], nn.Module],
) -> nn.Sequential:
    """The mirror image of :func:`encoder_convolutions`; no activation after the last layer."""
    exact = _is_cwvae_size(frame_shape)
    seed_channels = decoder_seed_shape(frame_shape, channels)[0]
    sizes = (seed_channels, *reversed(channels[:-1]), frame_shape[0])
    kernels = CWVAE_DECODER_KERNELS if exact else (4, 4, 4, 4)
    layers: list[nn.Module] = []
    for inputs, outputs, kernel in zip(sizes[:-1], sizes[1:], kernels, strict=True):
        of_pixel = exact and not layers
        kind = TransposedConvolutionOfPixel if of_pixel else DoublingConvolution
        layers += [
            kind(inputs, outputs, kernel, stride=2, padding=0 if exact else 1),
            activation(),
        ]
    return nn.Sequential(*layers[:-1])


def _is_cwvae_size(frame_shape: tuple[int, int, int]) -> bool:
    return tuple(frame_shape[1:]) == CWVAE_SIZE


def frames_at_once(frame_shape: tuple[int, int, int], channels: Sequence[int]) -> int:
    """Of how many frames no layer has more than :data:`MOST_NUMBERS` numbers."""
    frame_channels, height, width = frame_shape
    largest = max(
        number * height * width >> 2 * halved
        for halved, number in enumerate((frame_channels, *channels))
    )
    return max(1, MOST_NUMBERS // largest)


def in_parts(network: Callable[[Tensor], Tensor], values: Tensor, most: int) -> Tensor:
    """``network(values)``, computed on at most this many values at once."""
    if len(values) <= most:
        return network(values)
    return cat([network(part) for part in values.split(most)])


def _start_glorot(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
