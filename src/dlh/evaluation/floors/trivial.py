"""Floors: what a prediction scores that knows nothing about motion.

Every floor repeats one still frame for the whole horizon and differs only in which one, so there is
one class and three ways to build it. A table of scores prints the floors, computed on the same
clips in the same run, beside the model; a model below one of them has learnt nothing that the score
can see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dlh.evaluation.floors.unlearned import Unlearned
from dlh.video import VideoError, check_video


@dataclass(frozen=True, kw_only=True)
class StillFrame(Unlearned):
    """A deterministic predictor that keeps the VideoModel contract and repeats one frame.

    Attributes:
        frame_shape: (channel, height, width).
        choose: from a context (batch, time, channel, height, width) to the frames (batch, channel,
            height, width) that are repeated.
    """

    frame_shape: tuple[int, int, int]
    choose: Callable[[Tensor], Tensor]

    def frames(self, context: Tensor, *, horizon: int, samples: int) -> Tensor:
        """One sample, (batch, 1, horizon, channel, height, width), however many are asked."""
        check_video(context, self.frame_shape)
        frame = self.choose(context)
        return frame[:, None, None].repeat(1, 1, horizon, 1, 1, 1)


def black_frame(frame_shape: tuple[int, int, int]) -> StillFrame:
    """Black, for ever."""
    return StillFrame(
        name="black frame",
        frame_shape=frame_shape,
        choose=lambda context: torch.zeros_like(context[:, -1]),
    )


def mean_frame(mean: Tensor) -> StillFrame:
    """The training data's mean frame, (channel, height, width): the best still guess of all."""
    if mean.ndim != 3:
        raise VideoError(
            f"a mean frame has axes (channel, height, width), found shape {tuple(mean.shape)}; "
            "average the training frames over clips and time"
        )
    check_video(mean[None, None])
    channel, height, width = mean.shape
    return StillFrame(
        name="mean frame",
        frame_shape=(channel, height, width),
        choose=lambda context: mean.to(context).expand_as(context[:, -1]),
    )


def last_frame(frame_shape: tuple[int, int, int]) -> StillFrame:
    """The last frame of the context, repeated."""
    return StillFrame(
        name="last frame", frame_shape=frame_shape, choose=lambda context: context[:, -1]
    )


def floors(mean: Tensor) -> tuple[StillFrame, StillFrame, StillFrame]:
    """The three floors of every table, for data whose mean training frame is ``mean``."""
    of_mean = mean_frame(mean)
    return black_frame(of_mean.frame_shape), of_mean, last_frame(of_mean.frame_shape)
