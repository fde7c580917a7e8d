"""All the randomness of a pass over clips and of a rollout, as arguments."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from dlh.distributions import normal, uniform
from dlh.models.vta.config import VTAConfig


@dataclass(frozen=True, kw_only=True)
class RolloutNoise:
    """The randomness of steps without evidence.

    Attributes:
        abstract: standard normal, of the upper state; used where a segment begins.
        observation: standard normal, of the lower state.
        boundary: in [0, 1), of the Gumbel noise of the boundary after each step; read only where
            boundaries are sampled.
    """

    abstract: Float[Tensor, "batch steps state"]
    observation: Float[Tensor, "batch steps state"]
    boundary: Float[Tensor, "batch steps 2"]

    @classmethod
    def draw(
        cls,
        config: VTAConfig,
        batch: int,
        steps: int,
        *,
        like: Tensor,
        generator: torch.Generator | None = None,
    ) -> RolloutNoise:
        """Fresh noise with the type and on the device of ``like``."""
        shape = (batch, steps, config.state_size)
        return cls(
            abstract=normal(shape, like=like, generator=generator),
            observation=normal(shape, like=like, generator=generator),
            boundary=uniform((batch, steps, 2), like=like, generator=generator),
        )


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The randomness of a pass over a batch of clips.

    Attributes:
        dequantisation: in [0, 1), one number per pixel.
        boundary: in [0, 1), of the Gumbel noise of every frame's boundary; read in training only.
        abstract: standard normal, of the upper state at the scored steps.
        observation: standard normal, of the lower state at the scored steps.
    """

    dequantisation: Float[Tensor, "batch frames channel height width"]
    boundary: Float[Tensor, "batch frames 2"]
    abstract: Float[Tensor, "batch steps state"]
    observation: Float[Tensor, "batch steps state"]

    @classmethod
    def draw(
        cls, config: VTAConfig, video: Tensor, *, generator: torch.Generator | None = None
    ) -> Noise:
        """Fresh noise for a video, of its type and on its device."""
        batch, frames = video.shape[:2]
        shape = (batch, config.scored_steps(frames), config.state_size)
        return cls(
            dequantisation=draw_dequantisation(video, generator=generator),
            boundary=uniform((batch, frames, 2), like=video, generator=generator),
            abstract=normal(shape, like=video, generator=generator),
            observation=normal(shape, like=video, generator=generator),
        )


def draw_dequantisation(video: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """One uniform number for every pixel of a video."""
    return uniform(video.shape, like=video, generator=generator)
