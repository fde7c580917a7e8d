"""Trivial baselines, called floors: still frames, which use nothing of how things move.

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

from dlh.data.clips import ClipSource
from dlh.evaluation.floors.unlearned import Unlearned
from dlh.video import VideoError, check_video, from_stored

MEAN_FRAME_CLIPS = 100
MEAN_FRAME_SEED = 0


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


def mean_training_frame(source: ClipSource, *, clip_length: int, batch_size: int) -> Tensor:
    """(channel, height, width): the mean over about MEAN_FRAME_CLIPS training clips.

    Raises:
        DataError: there is no training clip of that length.
    """
    means = []
    for step in range(-(-MEAN_FRAME_CLIPS // batch_size)):
        batch = source.batch(
            step, batch_size=batch_size, clip_length=clip_length, seed=MEAN_FRAME_SEED
        )
        means.append(from_stored(batch.video).mean((0, 1)))
    return torch.stack(means).mean(0)


def floors(mean: Tensor) -> tuple[StillFrame, StillFrame, StillFrame]:
    """Black, mean and last frame: the floors of every table, for a mean training frame ``mean``."""
    of_mean = mean_frame(mean)
    return black_frame(of_mean.frame_shape), of_mean, last_frame(of_mean.frame_shape)
