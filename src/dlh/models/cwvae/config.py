"""What a CW-VAE is built from, its clock, and the published configurations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from dlh.models.frame_config import FrameConfig
from dlh.networks import encoded_shape
from dlh.settings import (
    check_at_least,
    check_positive,
    check_sizes,
    values_of,
)


@dataclass(frozen=True, kw_only=True)
class CWVAEConfig(FrameConfig):
    """Sizes of the networks, the clock, the likelihood, and the quirks of the published code.

    The defaults are the published configuration ``mazes``; its code takes frames of 64 x 64 only.
    Three quirks of the published code
    change its function, so the published numbers depend on them. Each is kept by default, and a
    switch mends it:

    - ``std_shift``: 0.54 is added to the features before the dense layer of the standard
      deviation. softplus(0.54) = 1, so it was probably meant for what that layer puts out.
    - ``output``: the decoder ends in a tanh, but frames lie in [0, 1]: half of its range is never
      a target, and a prediction can be negative.
    - ``pooling``: an upper level's embedding is the sum over its tick's frames, so its scale grows
      with the tick, and the last tick of a clip, which may see fewer frames, has a smaller one.

    That a posterior above level 1 sees all frames of its tick, also those after the tick begins, is
    the model itself. Left out is what every published configuration switches off: free nats, KL
    balancing (whose second term has no gradient in the published code), the resetting of levels.

    Attributes:
        num_levels: L, from 1; one level with ``clock_factor`` 1 is the plain RSSM.
        clock_factor: k; level l ticks every k^(l-1) frames.
        state_size: of the sample z of a level.
        memory_size: of the deterministic state h, the GRU's hidden state.
        hidden_size: of the dense layers in a cell.
        dense_size: of the two hidden layers between the embeddings of neighbouring levels.
        convolution_channels: of the four convolutions; the decoder mirrors them.
        std_floor: added to the softplus that gives a state's standard deviation.
        likelihood_std: the fixed standard deviation of a pixel.
        context_rule: "any": a prediction may follow any number of frames. "published": only a
            multiple of the slowest clock's ticks, k^(L-1); it predicts the same after those.
        std_shift: "input" as published, "output" mended.
        output: "tanh" as published, "linear" mended.
        pooling: "sum" as published, "mean" mended.

    Raises:
        ConfigError: a setting is invalid; the message holds its name, its value, what is allowed.
    """

    kind: ClassVar[str] = "cwvae"

    num_levels: int = 3
    clock_factor: int = 6
    state_size: int = 20
    memory_size: int = 200
    hidden_size: int = 200
    dense_size: int = 1000
    convolution_channels: tuple[int, int, int, int] = (32, 64, 128, 256)
    std_floor: float = 1e-4
    likelihood_std: float = 0.1
    context_rule: Literal["any", "published"] = "any"
    std_shift: Literal["input", "output"] = "input"
    output: Literal["tanh", "linear"] = "tanh"
    pooling: Literal["sum", "mean"] = "sum"

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("state_size", "memory_size", "hidden_size", "dense_size")
        check_at_least(1, **values_of(self, "num_levels", "clock_factor", *sizes))
        check_sizes(count=4, convolution_channels=self.convolution_channels)
        check_positive(std_floor=self.std_floor, likelihood_std=self.likelihood_std)

    @property
    def embedding_size(self) -> int:
        """Of every level's embedding: as many numbers as the last convolution puts out."""
        return math.prod(encoded_shape(self.frame_shape, self.convolution_channels))

    @property
    def intervals(self) -> tuple[int, ...]:
        """Frames from one tick to the next, k^(l-1), level 1 first."""
        return tuple(self.clock_factor**index for index in range(self.num_levels))

    def ticks(self, frames: int) -> tuple[int, ...]:
        """Ticks that begin within the first ``frames`` frames, ceil(frames / k^(l-1))."""
        return tuple(-(-frames // interval) for interval in self.intervals)


def mazes() -> CWVAEConfig:
    """The published configuration of that name: the defaults. Learning rate 3e-4, 100 epochs.

    Like the others it was trained on clips of 100 frames, 50 a batch, and tested after 36.
    """
    return CWVAEConfig()


def moving_mnist() -> CWVAEConfig:
    """The published configuration ``mmnist``: one channel. Learning rate 3e-4, 300 epochs."""
    return CWVAEConfig(channels=1, likelihood_std=1.0)


def minerl() -> CWVAEConfig:
    """The published configuration of that name: wider. Learning rate 1e-4, 600 epochs."""
    return CWVAEConfig(state_size=100, memory_size=800, hidden_size=800, likelihood_std=0.4)
