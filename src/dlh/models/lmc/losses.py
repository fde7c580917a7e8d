"""The two phases of a training iteration: motion is stored, then recalled for a short clip.

Each phase is one loss and one update of the one optimiser. The second is evaluated with the weights
that the first has updated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from dlh.models.lmc.config import LMCConfig
from dlh.models.lmc.lmc import LMCMemory, Video


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

    def loss(self) -> Float[Tensor, ""]:
        """What is minimised: mean absolute error + mean squared error."""
        return (self.absolute_error + self.squared_error).mean()


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
        iteration: int,
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


def storing_loss(
    model: LMCMemory,
    video: Video,
    iteration: int,
    generator: torch.Generator | None = None,
    *,
    long_clip: LongClip | None = None,
) -> PredictionError:
    """Phase 1: predict with the motion of a long clip, which holds frames to be predicted.

    The gradient reaches all but the matching encoder.

    Args:
        model: that is trained.
        video: float in [0, 1]: ``context_steps`` frames, then those to be predicted.
        iteration: its number, from 1; the first ``warmup_iterations`` predict fewer frames.
        generator: of the start of the long clip.
        long_clip: drawn from ``generator`` where not given.

    Raises:
        VideoError: the video does not follow the convention, or is too short.
    """
    context, targets = _split(model, video, iteration)
    if long_clip is None:
        long_clip = LongClip.draw(
            model.config, video.shape[1], iteration=iteration, generator=generator
        )
    motion = model.memory.store(long_clip.of(video)).motion
    rollout = model.imagine(model.observe(context), motion, targets.shape[1])
    return PredictionError.of(rollout.frames, targets)


def matching_loss(
    model: LMCMemory,
    video: Video,
    iteration: int,
    generator: torch.Generator | None = None,
) -> PredictionError:
    """Phase 2: predict with the motion recalled for the context alone, as in testing.

    The gradient reaches all but the context encoder and the slots. Nothing is drawn.

    Args:
        model: that is trained.
        video: as in :func:`storing_loss`.
        iteration: as in :func:`storing_loss`.
        generator: without effect.

    Raises:
        VideoError: as in :func:`storing_loss`.
    """
    context, targets = _split(model, video, iteration)
    motion = model.memory.match(context).motion
    rollout = model.imagine(model.observe(context), motion, targets.shape[1])
    return PredictionError.of(rollout.frames, targets)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One of the updates of an iteration.

    Attributes:
        name: of the phase.
        loss: of (model, video, iteration, generator).
        held: what the phase does not reach, as prefixes of the parameters' names;
            ``LMCConfig.unreached_gradient`` says what the optimiser does with it.
    """

    name: str
    loss: Callable[[LMCMemory, Video, int, torch.Generator | None], PredictionError]
    held: tuple[str, ...]


PHASES = (
    Phase(name="storing", loss=storing_loss, held=("memory.matching",)),
    Phase(name="matching", loss=matching_loss, held=("memory.context", "memory.slots")),
)
"""In their order within an iteration."""


def _split(
    model: LMCMemory, video: Video, iteration: int
) -> tuple[
    Float[Tensor, "batch context channel height width"],
    Float[Tensor, "batch horizon channel height width"],
]:
    """The context, and the frames to be predicted: while warming up, fewer."""
    config = model.config
    model.check(video, max(config.context_steps + 1, config.long_steps))
    context, targets = video[:, : config.context_steps], video[:, config.context_steps :]
    if iteration <= config.warmup_iterations:
        targets = targets[:, : config.warmup_horizon]
    return context, targets
