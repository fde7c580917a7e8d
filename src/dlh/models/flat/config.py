"""What a flat model is built from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from dlh.models.frame_config import FrameConfig
from dlh.settings import (
    check_at_least,
    check_positive,
    check_sizes,
    values_of,
)


@dataclass(frozen=True, kw_only=True)
class FlatConfig(FrameConfig):
    """Sizes of the networks, and the likelihood; the names are those of the hierarchy.

    Attributes:
        feature_size: of the frame's features x and of the decoder's input.
        memory_size: of the memory d, the transition GRU's hidden state.
        state_size: of the latent state s.
        hidden_sizes: of the posterior's and the prior's perceptrons.
        convolution_channels: of the four convolutions; the decoder mirrors them.
        activation: between layers.
        std_floor: added to the softplus that gives a state's standard deviation.
        initial_std: what that softplus starts at.
        likelihood_std: the fixed standard deviation of a pixel.
    """

    kind: ClassVar[str] = "flat"

    feature_size: int = 200
    memory_size: int = 200
    state_size: int = 20
    hidden_sizes: tuple[int, ...] = (40, 40, 40)
    convolution_channels: tuple[int, int, int, int] = (32, 64, 128, 256)
    activation: Literal["elu", "silu", "relu"] = "elu"
    std_floor: float = 0.01
    initial_std: float = 0.1
    likelihood_std: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(1, **values_of(self, "feature_size", "memory_size", "state_size"))
        check_sizes(**values_of(self, "hidden_sizes", "convolution_channels"))
        check_positive(**values_of(self, "std_floor", "initial_std", "likelihood_std"))
