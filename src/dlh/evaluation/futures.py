"""How close do sampled futures come to what happened? The best of K of them, and the energy score.

The best sample is chosen once per clip, by its mean over the window, and then keeps its whole
curve. Choosing the best sample at every step anew would patch a future together that the model
never drew.

A best-of-100 says little unless one knows how much of it K samples buy: :func:`expected_best` is
the curve against K. And it rewards a model that scatters its samples widely, since one of many is
then close by luck. The energy score does not: it is a proper score of the whole distribution
(Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA 102 (2007),
Eq. 22), so nothing scores lower in expectation than the distribution that the truth is drawn from.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pdist

from dlh.errors import UsageError
from dlh.evaluation.scores.frames import FrameScore, psnr
from dlh.interfaces import Prediction, VideoModel
from dlh.settings import check_at_least
from dlh.video import check_video

VALUES_AT_ONCE = 2**22
"""Pixel values that a metric is given at once: what it computes on the way is large."""


@dataclass(frozen=True, kw_only=True)
class FutureScores:
    """One metric of every sampled future of some clips against the truth, float64.

    Attributes:
        time_means: (clips, samples), the mean over the window.
        best_sample: (clips,), the number of each clip's best future.
        best_curves: (clips, horizon), of that future.
        mean_curves: (clips, horizon), the mean over samples.
        window: how many of the first predicted steps the time means (and the choice of the best)
            are taken over.
    """

    time_means: np.ndarray
    best_sample: np.ndarray
    best_curves: np.ndarray
    mean_curves: np.ndarray
    window: int

    @classmethod
    def of(
        cls,
        curves: Tensor | np.ndarray,
        *,
        window: int | None = None,
        higher_is_better: bool = True,
    ) -> FutureScores:
        """From one score per frame.

        Args:
            curves: (clips, samples, horizon).
            window: all steps where None.
            higher_is_better: of the metric.

        Raises:
            ValueError: an axis is empty or missing, or the window is longer than the horizon.
        """
        curves = np.asarray(curves, np.float64)
        if curves.ndim != 3 or 0 in curves.shape:
            raise ValueError(
                "scores have axes (clips, samples, horizon), at least one of each, found shape "
                f"{curves.shape}"
            )
        window = _checked_window(window, curves.shape[2])
        means = curves[:, :, :window].mean(2)
        best = means.argmax(1) if higher_is_better else means.argmin(1)
        return cls(
            time_means=means,
            best_sample=best,
            best_curves=curves[np.arange(len(curves)), best],
            mean_curves=curves.mean(1),
            window=window,
        )

    @classmethod
    def joined(cls, parts: Sequence[FutureScores]) -> FutureScores:
        """The scores of all clips, from those of some at a time."""
        return cls(
            time_means=np.concatenate([part.time_means for part in parts]),
            best_sample=np.concatenate([part.best_sample for part in parts]),
            best_curves=np.concatenate([part.best_curves for part in parts]),
            mean_curves=np.concatenate([part.mean_curves for part in parts]),
            window=parts[0].window,
        )

    @property
    def clips(self) -> int:
        """How many clips were predicted."""
        return len(self.time_means)

    @property
    def samples(self) -> int:
        """Futures of each clip."""
        return self.time_means.shape[1]

    @property
    def horizon(self) -> int:
        """Predicted steps."""
        return self.best_curves.shape[1]

    @property
    def best_means(self) -> np.ndarray:
        """(clips,): the time mean of each clip's best future."""
        return self.time_means[np.arange(self.clips), self.best_sample]

    @property
    def spreads(self) -> np.ndarray:
        """(clips,): the standard deviation between a clip's samples; 0 with one sample."""
        return self.time_means.std(1, ddof=1) if self.samples > 1 else np.zeros(self.clips)

    @property
    def best_curve(self) -> np.ndarray:
        """(horizon,): the curve of each clip's best future, averaged over clips."""
        return self.best_curves.mean(0)

    @property
    def mean_curve(self) -> np.ndarray:
        """(horizon,): the average over samples and clips."""
        return self.mean_curves.mean(0)

    @property
    def best(self) -> float:
        """The best future's mean over the window, averaged over clips."""
        return float(self.best_means.mean())

    @property
    def mean(self) -> float:
        """The mean over window and samples, averaged over clips: what one draw is worth."""
        return float(self.time_means.mean())

    @property
    def spread(self) -> float:
        """Standard deviation between a clip's samples, averaged over clips; 0 with one sample."""
        return float(self.spreads.mean())


def curves_of(score: FrameScore, frames: Tensor, truth: Tensor) -> np.ndarray:
    """(..., samples, horizon): a score of every frame, float64, a few predicted steps at a time.

    Args:
        score: of single frames.
        frames: (..., samples, horizon, channel, height, width).
        truth: (..., horizon, channel, height, width).
    """
    steps = max(1, VALUES_AT_ONCE * frames.shape[-4] // frames.numel())
    pieces = zip(frames.split(steps, -4), truth.unsqueeze(-5).split(steps, -4), strict=True)
    found = [score(ours, theirs).double().cpu() for ours, theirs in pieces]
    return torch.cat(found, -1).numpy()


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
    see: Callable[[Prediction], None] | None = None,
) -> FutureScores:
    """Draw futures of every context and take their PSNR, with at most ``chunk`` futures in memory
    at once.

    The draws come from one generator in the order of the chunks, so another ``chunk`` is another
    (equally good) draw: it belongs to the protocol of a published number.

    Args:
        context: (clips, context_steps, channel, height, width), what the model observes.
        truth: (clips, horizon, channel, height, width), what followed.
        samples: futures per clip; a deterministic model gives one whatever is asked.
        window: the steps over which the best future is chosen and the means are taken; all of them
            when None.
        chunk: the most futures (clips times samples) predicted in one call; below 2 counts as 2.
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
    window = _checked_window(window, horizon)  # before the work, not after it
    # At least two samples of a clip in one call: a deterministic model is known by giving one back.
    samples_at_once = min(samples, max(2, chunk))
    clips_at_once = max(1, chunk // samples_at_once)
    parts = []
    for observed, followed in zip(
        context.split(clips_at_once), truth.split(clips_at_once), strict=True
    ):
        curves: list[np.ndarray] = []
        for drawn in range(0, samples, samples_at_once):
            asked = min(samples_at_once, samples - drawn)
            prediction = model.predict(
                observed, horizon=horizon, samples=asked, generator=generator
            )
            if see is not None:
                see(prediction)
            curves.append(curves_of(psnr, prediction.frames, followed))
            if curves[-1].shape[1] < asked:  # a deterministic model has one future
                break
        parts.append(FutureScores.of(np.concatenate(curves, 1), window=window))
    return FutureScores.joined(parts)


def _checked_window(window: int | None, horizon: int) -> int:
    window = horizon if window is None else window
    if not 1 <= window <= horizon:
        raise ValueError(f"the window holds 1 to {horizon} predicted steps, found {window}")
    return window


def expected_best(values: np.ndarray, *, higher_is_better: bool) -> np.ndarray:
    """The expected best of K of the S samples, drawn without replacement, for K = 1 .. S.

    Of the S values in order, worst first, the i-th is the best of K drawn ones with probability
    C(i - 1, K - 1) / C(S, K). So K = 1 gives the mean, K = S the best, and nothing in between has
    to be simulated.

    Args:
        values: (..., samples), scores.
        higher_is_better: of the scores.

    Returns:
        (..., samples): entry K - 1 is for K samples. It never gets worse with K.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=-1)
    if not higher_is_better:
        ordered = ordered[..., ::-1]
    return ordered @ _chances(ordered.shape[-1])


@functools.lru_cache(maxsize=8)
def _chances(samples: int) -> np.ndarray:
    """(samples, samples): the chance that place i is the best of K, at [i - 1, K - 1]."""
    chances = np.zeros((samples, samples))
    for drawn in range(1, samples + 1):
        ways = math.comb(samples, drawn)
        for place in range(drawn, samples + 1):
            chances[place - 1, drawn - 1] = math.comb(place - 1, drawn - 1) / ways
    return chances


@dataclass(frozen=True, kw_only=True)
class EnergyTerms:
    """The two halves of the score of one block of samples, per predicted step.

    Distances are the root mean square over the pixels and channels of a frame, so 0 is identical
    and 1 is black against white.

    Attributes:
        error: mean distance of a sample to the truth, (time,).
        diversity: mean distance between two different samples, (time,); zeros for one sample.
        samples: in the block.
    """

    error: Tensor
    diversity: Tensor
    samples: int

    @property
    def pairs(self) -> int:
        """Pairs of different samples in the block."""
        return self.samples * (self.samples - 1) // 2


def energy_terms(frames: Tensor, truth: Tensor) -> EnergyTerms:
    """Both halves for a block of samples.

    The score is ``error - diversity / 2``. With two samples or more this is the fair estimate: its
    expectation does not depend on how many samples there are. One sample is taken for what a
    deterministic model says, a distribution at one point, whose score is its distance to the truth.

    Args:
        frames: (samples, time, channel, height, width); clipped to [0, 1].
        truth: (time, channel, height, width), in [0, 1].
    """
    errors, diversities = [], []
    for step, true in zip(frames.flatten(2).unbind(1), truth.flatten(1), strict=True):
        step = step.clamp(0, 1)
        errors.append((step - true).norm(dim=1).mean())
        diversities.append(pdist(step).mean() if len(step) > 1 else torch.zeros_like(errors[-1]))
    per_pixel = truth[0].numel() ** -0.5
    return EnergyTerms(
        error=torch.stack(errors) * per_pixel,
        diversity=torch.stack(diversities) * per_pixel,
        samples=len(frames),
    )


def energy_score(blocks: list[EnergyTerms]) -> tuple[Tensor, Tensor]:
    """(energy score, diversity) per step, of all blocks of one clip, float64 on the CPU.

    Only pairs within a block are compared: a block is all that is ever in memory, and the mean over
    these pairs has the expectation of the mean over all.
    """
    samples = sum(block.samples for block in blocks)
    pairs = sum(block.pairs for block in blocks)
    error = torch.zeros_like(blocks[0].error, dtype=torch.float64, device="cpu")
    diversity = torch.zeros_like(error)
    for block in blocks:
        error += block.error.double().cpu() * (block.samples / samples)
        diversity += block.diversity.double().cpu() * (block.pairs / max(pairs, 1))
    return error - diversity / 2, diversity
