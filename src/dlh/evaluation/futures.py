"""How close do sampled futures come to what happened? Per clip, sample and step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dlh.errors import UsageError
from dlh.evaluation.scores.psnr import psnr
from dlh.interfaces import Prediction, VideoModel
from dlh.settings import check_at_least
from dlh.video import check_video

FrameMetric = Callable[[Tensor, Tensor], Tensor]
"""(prediction, truth), (..., channel, height, width), to a score per frame; higher is better."""


@dataclass(frozen=True, kw_only=True)
class FutureScores:
    """Scores of every sampled future against the truth.

    The best sample is chosen once per clip, by its mean over the window, and then keeps its whole
    curve. Choosing the best sample at every step anew would patch a future together that the model
    never drew.

    Attributes:
        curves: (clips, samples, horizon), higher is better.
        window: how many of the first predicted steps the time means (and the choice of the best)
            are taken over.
    """

    curves: Tensor
    window: int

    def __post_init__(self) -> None:
        if self.curves.ndim != 3 or 0 in self.curves.shape:
            raise ValueError(
                "scores have axes (clips, samples, horizon), at least one of each, found shape "
                f"{tuple(self.curves.shape)}"
            )
        _check_window(self.window, self.curves.shape[2])

    @property
    def clips(self) -> int:
        """How many clips were predicted."""
        return self.curves.shape[0]

    @property
    def samples(self) -> int:
        """Futures of each clip."""
        return self.curves.shape[1]

    @property
    def horizon(self) -> int:
        """Predicted steps."""
        return self.curves.shape[2]

    @property
    def time_means(self) -> Tensor:
        """(clips, samples): the mean over the window."""
        return self.curves[:, :, : self.window].mean(2)

    @property
    def best_sample(self) -> Tensor:
        """(clips,): the index of each clip's best future."""
        return self.time_means.argmax(1)

    @property
    def best_curve(self) -> Tensor:
        """(horizon,): the curve of each clip's best future, averaged over clips."""
        clips = torch.arange(len(self.curves), device=self.curves.device)
        return self.curves[clips, self.best_sample].mean(0)

    @property
    def mean_curve(self) -> Tensor:
        """(horizon,): the average over samples and clips."""
        return self.curves.mean((0, 1))

    @property
    def best(self) -> float:
        """The best future's mean over the window, averaged over clips."""
        return float(self.time_means.amax(1).mean())

    @property
    def mean(self) -> float:
        """The mean over window and samples, averaged over clips: what one draw is worth."""
        return float(self.time_means.mean())

    @property
    def spread(self) -> float:
        """Standard deviation between a clip's samples, averaged over clips; 0 with one sample."""
        if self.curves.shape[1] == 1:
            return 0.0
        return float(self.time_means.std(1).mean())


@torch.no_grad()
def score_futures(
    model: VideoModel,
    context: Tensor,
    truth: Tensor,
    *,
    samples: int,
    generator: torch.Generator | None = None,
    window: int | None = None,
    chunk: int = 16,
    metric: FrameMetric = psnr,
    see: Callable[[Prediction], None] | None = None,
) -> FutureScores:
    """Draw futures of every context and score them, holding at most ``chunk`` futures in memory at
    once.

    The draws come from one generator in the order of the chunks, so another ``chunk`` is another
    (equally good) draw: it belongs to the protocol of a published number.

    Args:
        context: (clips, context_steps, channel, height, width), what the model observes.
        truth: (clips, horizon, channel, height, width), what followed.
        samples: futures per clip; a deterministic model gives one whatever is asked.
        window: the steps over which the best future is chosen and the means are taken; all of them
            when None.
        chunk: the most futures (clips times samples) predicted in one call; below 2 counts as 2.
        metric: one score per frame, higher is better.
        see: is given every prediction as it is drawn: all of them would fill the memory.
    """
    check_at_least(1, error=UsageError, samples=samples, chunk=chunk)
    check_video(context, model.frame_shape)
    check_video(truth, model.frame_shape)
    if len(context) != len(truth):
        raise ValueError(
            f"every context needs its truth, found {len(context)} contexts and {len(truth)} truths"
        )
    horizon = truth.shape[1]
    window = horizon if window is None else window
    _check_window(window, horizon)  # before the work, not after it
    # At least two samples of a clip in one call: a deterministic model is known by giving one back.
    samples_at_once = min(samples, max(2, chunk))
    clips_at_once = max(1, chunk // samples_at_once)
    rows = [
        _score_clips(model, observed, followed, samples, samples_at_once, generator, metric, see)
        for observed, followed in zip(
            context.split(clips_at_once), truth.split(clips_at_once), strict=True
        )
    ]
    return FutureScores(curves=torch.cat(rows), window=window)


def _check_window(window: int, horizon: int) -> None:
    if not 1 <= window <= horizon:
        raise ValueError(f"the window holds 1 to {horizon} predicted steps, found {window}")


def _score_clips(
    model: VideoModel,
    context: Tensor,
    truth: Tensor,
    samples: int,
    samples_at_once: int,
    generator: torch.Generator | None,
    metric: FrameMetric,
    see: Callable[[Prediction], None] | None,
) -> Tensor:
    """(clips, samples, horizon): the curves of a few clips, their samples drawn a few at a time."""
    curves: list[Tensor] = []
    drawn = 0
    while drawn < samples:
        asked = min(samples_at_once, samples - drawn)
        prediction = model.predict(
            context, horizon=truth.shape[1], samples=asked, generator=generator
        )
        if see is not None:
            see(prediction)
        curves.append(metric(prediction.frames, truth[:, None]).cpu())
        if curves[-1].shape[1] < asked:  # a deterministic model has one future
            break
        drawn += asked
    return torch.cat(curves, dim=1)
