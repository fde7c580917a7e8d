"""Trivial baselines, called floors: still frames, and the futures of other clips.

A table of scores prints them beside the model, computed on the same clips in the same run. A model
below one of them has learnt nothing that the score can see. A still frame repeats one frame for the
whole horizon: there is one class, and a way to build it for each choice of the frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dlh.data.clips import ClipSource
from dlh.interfaces import Prediction
from dlh.video import VideoError, check_video, from_stored

MEAN_FRAME_CLIPS = 100
MEAN_FRAME_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Floor(ABC):
    """What all of them share: they predict and have nothing to learn.

    Attributes:
        name: what people call it, for tables and legends.
    """

    name: str

    @abstractmethod
    def frames(self, context: Tensor, *, horizon: int, samples: int) -> Tensor:
        """What follows a context (batch, time, channel, height, width).

        Returns:
            (batch, samples, horizon, channel, height, width); perhaps fewer samples.

        Raises:
            VideoError: the context cannot be used, or the horizon is too long.
        """

    def predict(
        self,
        context: Tensor,
        *,
        horizon: int,
        samples: int = 1,
        generator: torch.Generator | None = None,
    ) -> Prediction:
        """What :meth:`frames` gives; nothing is drawn.

        Raises:
            ValueError: the horizon or the number of samples is below 1.
            VideoError: of :meth:`frames`.
        """
        if horizon < 1 or samples < 1:
            raise ValueError(
                f"a prediction has at least 1 step and 1 sample, found horizon {horizon} and "
                f"samples {samples}"
            )
        return Prediction(frames=self.frames(context, horizon=horizon, samples=samples))


@dataclass(frozen=True, kw_only=True)
class StillFrame(Floor):
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


@dataclass(frozen=True, kw_only=True)
class KnownFutures(Floor):
    """Keeps the VideoModel contract and gives the same futures after every context.

    With the futures of other clips it is a floor: what a model scores that knows how the data looks
    and nothing of this clip. With the truth itself it is the oracle, whose every score is perfect.

    Attributes:
        futures: (samples, time, channel, height, width).
    """

    futures: Tensor

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        channels, height, width = self.futures.shape[2:]
        return channels, height, width

    def frames(self, context: Tensor, *, horizon: int, samples: int) -> Tensor:
        """The first ``samples`` of the futures, or all where there are fewer, for each context.

        Raises:
            VideoError: the futures are shorter than the horizon.
        """
        check_video(context, self.frame_shape)
        if self.futures.shape[1] < horizon:
            raise VideoError(
                f"the futures of {self.name!r} have {self.futures.shape[1]} frames, {horizon} are "
                "asked for; ask for a shorter horizon"
            )
        frames = self.futures[None, :samples, :horizon].to(context)
        return frames.expand(len(context), -1, -1, -1, -1, -1)


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
