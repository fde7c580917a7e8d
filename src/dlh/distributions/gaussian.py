"""The diagonal Gaussian: every state posterior and prior of the hierarchy is one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from dlh.distributions.tensors import Tensors

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Gaussian(Tensors):
    """A diagonal Gaussian over the last axis.

    Attributes:
        mean: (..., state).
        std: standard deviation, positive, (..., state).
    """

    mean: Float[Tensor, "*batch state"]
    std: Float[Tensor, "*batch state"]

    def sample(self, noise: Float[Tensor, "*batch state"]) -> Float[Tensor, "*batch state"]:
        """mean + std * noise: the reparametrised sample that standard normal ``noise`` gives."""
        return self.mean + self.std * noise

    def log_prob(self, value: Float[Tensor, "*batch state"]) -> Float[Tensor, "*batch"]:
        """log N(value; mean, std), summed over the state, nats, (...)."""
        standardised = (value - self.mean) / self.std
        return -(0.5 * standardised.square() + self.std.log() + HALF_LOG_TWO_PI).sum(-1)

    def kl(self, other: Gaussian) -> Float[Tensor, "*batch"]:
        """KL[self || other] in closed form, summed over the state, nats, (...).

        Raises:
            ValueError: the two have different shapes (broadcasting here has hidden many a bug).
        """
        if self.mean.shape != other.mean.shape:
            raise ValueError(
                f"KL needs two Gaussians of one shape, found {tuple(self.mean.shape)} and "
                f"{tuple(other.mean.shape)}"
            )
        ratio = self.std / other.std
        distance = (self.mean - other.mean) / other.std
        return (0.5 * (ratio.square() + distance.square() - 1) - ratio.log()).sum(-1)

    def detach(self) -> Gaussian:
        """The same values, cut from the graph."""
        return self.map(Tensor.detach)


def frame_log_prob(
    frames: Float[Tensor, "*batch channel height width"],
    mean: Float[Tensor, "*batch channel height width"],
    std: float,
) -> Float[Tensor, "*batch"]:
    """log p(o | .) of frames under a Gaussian of fixed std, summed over each, nats (Eq. 8a)."""
    pixels = math.prod(frames.shape[-3:])
    squared_error = (frames - mean).square().sum((-3, -2, -1))
    return -0.5 * squared_error / std**2 - pixels * (math.log(std) + HALF_LOG_TWO_PI)
