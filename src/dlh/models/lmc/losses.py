"""What training minimises, and the one thing that it draws."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from dlh.interfaces import Objective, Term
from dlh.models.frame_model import Video
from dlh.models.lmc.config import LMCConfig

PSNR_CAP = 100.0
"""Decibels of a perfect frame, whose ratio is infinite."""


@dataclass(frozen=True, kw_only=True)
class PredictionError:
    """Mean errors of each predicted frame, over its channels and pixels, in grey values of [0, 1].

    They are no nats: the model has no likelihood.
    """

    absolute_error: Float[Tensor, "batch time"]
    squared_error: Float[Tensor, "batch time"]

    @classmethod
    def of(cls, frames: Video, targets: Video) -> PredictionError:
        """Of predicted frames, each against its target."""
        error = frames - targets
        return cls(
            absolute_error=error.abs().mean((2, 3, 4)), squared_error=error.square().mean((2, 3, 4))
        )

    @property
    def psnr(self) -> Float[Tensor, "batch time"]:
        """10 log10(1 / squared error) of each frame, decibels, at most PSNR_CAP."""
        return -10 * self.squared_error.clamp_min(10 ** (-PSNR_CAP / 10)).log10()

    def objective(self) -> Objective:
        """The published loss, mean absolute error + mean squared error; there is no bound."""
        return Objective(
            loss=(self.absolute_error + self.squared_error).mean(),
            terms={
                "absolute_error": Term(value=self.absolute_error, unit="absolute error"),
                "squared_error": Term(value=self.squared_error, unit="squared error"),
            },
        )


@dataclass(frozen=True, kw_only=True)
class LongClip:
    """Which frames of a training clip the storing phase recalls motion for: all the randomness."""

    start: int
    steps: int

    @classmethod
    def draw(
        cls,
        config: LMCConfig,
        steps: int,
        *,
        iteration: float,
        generator: torch.Generator | None = None,
    ) -> LongClip:
        """One start for the whole batch, uniform; while warming up, the first frames.

        Args:
            config: of the model.
            steps: frames of the training clip.
            iteration: its number, from 1.
            generator: of the randomness.
        """
        if iteration <= config.warmup_iterations:
            return cls(start=0, steps=min(steps, config.context_steps + config.warmup_horizon))
        device = generator.device if generator is not None else None
        starts = steps - config.long_steps + 1
        start = torch.randint(starts, (), generator=generator, device=device)
        return cls(start=int(start), steps=config.long_steps)

    def of(self, video: Video) -> Float[Tensor, "batch long channel height width"]:
        """These frames."""
        return video[:, self.start : self.start + self.steps]
