"""What a Dynamic Latent Hierarchy is built from, and the switches for the paper's alternatives."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar, Literal, get_args, get_origin, get_type_hints

from dlh.interfaces import ConfigError
from dlh.networks import ACTIVATIONS


@dataclass(frozen=True, kw_only=True)
class DLHConfig:
    """Sizes of the networks (Table 4), the likelihood, and the alternatives.

    Attributes:
        channels: of a frame, 1 or 3.
        height: of a frame in pixels, divisible by 16.
        width: of a frame in pixels, divisible by 16.
        num_levels: N, from 1.
        feature_size: of the bottom-up features x and of the decoder's input c^0.
        context_size: of the top-down context c.
        memory_size: of the temporal variable d, the transition GRU's hidden state.
        state_size: of the latent state s.
        hidden_sizes: of the posterior's and the prior's perceptrons.
        factor_size: of the prior factor's GRU, p(e | .).
        convolution_channels: of the four convolutions; the decoder mirrors them.
        activation: between layers; the paper does not say which.
        std_floor: added to the softplus that gives a state's standard deviation.
        initial_std: what that softplus starts at, in posteriors and priors of level 1, level 2,
            ...; the last one holds for all levels above. The paper does not say. The sharper a
            level starts, the more its divergence costs, and the less of the position it takes; an
            unbiased softplus (0.7) hides what a decoder has yet to learn.
        likelihood_std: the fixed standard deviation of a pixel (Eq. 8a); it decides how fast events
            are found.
        static_prior_gradient: whether the static prior b_{t-1} passes gradients (Eq. 8 as it
            stands).
        memory: "held": d moves only where the level changes (Eq. 12 as we read it); "ticking": at
            every step.
        factor_input: "below": the prior factor sees [d^n, d^{n-1}, e_{t-1}^n]; "own": [d^n,
            e_{t-1}^n] (Eq. 15).
        decision: "threshold": Eq. 4; "vade": e is drawn from the estimate of q(e) of Eq. 34.
        nesting: whether a level may change only where the level below changes (Eq. 5, Sec. 2.3).
        selection_context: the context under which components are compared, "held" (Eq. 25) or
            "full" (Eq. 24).
    """

    kind: ClassVar[str] = "dlh"

    channels: int = 3
    height: int = 64
    width: int = 64
    num_levels: int = 3
    feature_size: int = 200
    context_size: int = 200
    memory_size: int = 200
    state_size: int = 20
    hidden_sizes: tuple[int, ...] = (40, 40, 40)
    factor_size: int = 200
    convolution_channels: tuple[int, int, int, int] = (32, 64, 128, 256)
    activation: Literal["elu", "silu", "relu"] = "elu"
    std_floor: float = 0.01
    initial_std: tuple[float, ...] = (0.1,)
    likelihood_std: float = 1.0
    static_prior_gradient: bool = True
    memory: Literal["held", "ticking"] = "held"
    factor_input: Literal["below", "own"] = "below"
    decision: Literal["threshold", "vade"] = "threshold"
    nesting: bool = True
    selection_context: Literal["held", "full"] = "held"

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ConfigError(f"channels is 1 (grey) or 3 (colour), found {self.channels}")
        for name in ("height", "width"):
            size = getattr(self, name)
            if size < 16 or size % 16:
                raise ConfigError(
                    f"{name} is a positive multiple of 16, found {size}; "
                    f"the nearest is {max(16, round(size / 16) * 16)}"
                )
        for name in (
            "num_levels",
            "feature_size",
            "context_size",
            "memory_size",
            "state_size",
            "factor_size",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is at least 1, found {getattr(self, name)}")
        for name, length in (("hidden_sizes", None), ("convolution_channels", 4)):
            sizes = getattr(self, name)
            if not sizes or min(sizes) < 1 or (length and len(sizes) != length):
                raise ConfigError(
                    f"{name} is {length or 'one or more'} positive sizes, found {sizes}"
                )
        for name in ("std_floor", "likelihood_std"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is positive, found {getattr(self, name)}")
        if not self.initial_std or not min(self.initial_std) > 0:
            raise ConfigError(
                f"initial_std is one or more positive numbers, found {self.initial_std}"
            )
        hints = get_type_hints(type(self))
        for field in fields(self):
            allowed, value = get_args(hints[field.name]), getattr(self, field.name)
            if get_origin(hints[field.name]) is Literal and value not in allowed:
                raise ConfigError(f"{field.name} is one of {', '.join(allowed)}, found {value!r}")
        assert set(get_args(hints["activation"])) == set(ACTIVATIONS)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(channel, height, width)."""
        return self.channels, self.height, self.width
