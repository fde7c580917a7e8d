from __future__ import annotations

import numpy as np
import pytest
import torch

from dlh.evaluation import FutureScores, score_futures
from dlh.evaluation.scores.frames import psnr
from dlh.interfaces import Prediction
from refusals import refused

SHAPE = (1, 4, 4)


class Bank:
    """A model whose futures lie ready: each clip's come in order, however many are asked at once.

    A clip is known by its first pixel, which is its index / 100.
    """

    frame_shape = SHAPE

    def __init__(self, futures: torch.Tensor) -> None:
        self.futures = futures  # (clips, samples, horizon, ...)
        self.drawn = [0] * len(futures)
        self.calls: list[tuple[int, int]] = []

    def objective(self, video, *, generator=None):
        raise AssertionError("scoring needs no objective")

    def predict(self, context, *, horizon, samples=1, generator=None) -> Prediction:
        self.calls.append((len(context), samples))
        rows = []
        for clip in (context[:, 0, 0, 0, 0] * 100).round().int().tolist():
            rows.append(self.futures[clip, self.drawn[clip] : self.drawn[clip] + samples])
            self.drawn[clip] += samples
        return Prediction(frames=torch.stack(rows)[:, :, :horizon])


def contexts(clips: int) -> torch.Tensor:
    index = torch.arange(clips) / 100
    return index[:, None, None, None, None].expand(clips, 2, *SHAPE).contiguous()


def some_futures(clips: int = 3, samples: int = 7, horizon: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(clips, samples, horizon, *SHAPE, generator=generator)


def truths(clips: int = 3, horizon: int = 5) -> torch.Tensor:
    return torch.rand(clips, horizon, *SHAPE, generator=torch.Generator().manual_seed(1))


def of_errors(errors: list[list[list[float]]]) -> torch.Tensor:
    """Futures that miss an all-zero truth by the given constants, (clips, samples, horizon)."""
    return torch.tensor(errors)[..., None, None, None].expand(*torch.tensor(errors).shape, *SHAPE)


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 7, 14, 20, 1000])
def test_scoring_in_chunks_is_scoring_at_once(chunk: int):
    futures, truth = some_futures(), truths()
    bank = Bank(futures)
    scores = score_futures(bank, contexts(3), truth, samples=7, chunk=chunk)
    at_once = FutureScores.of(psnr(futures, truth[:, None]))
    assert np.array_equal(scores.time_means, at_once.time_means)
    assert np.array_equal(scores.best_curves, at_once.best_curves)
    assert max(clips * samples for clips, samples in bank.calls) <= max(chunk, 2)
    assert bank.drawn == [7, 7, 7]


def test_a_chunk_spans_clips_when_few_samples_are_asked_for():
    bank = Bank(some_futures(samples=2))
    score_futures(bank, contexts(3), truths(), samples=2, chunk=4)
    assert bank.calls == [(2, 2), (1, 2)]


def test_a_deterministic_model_has_one_sample_whatever_is_asked():
    class Still(Bank):
        def predict(self, context, *, horizon, samples=1, generator=None) -> Prediction:
            return Prediction(frames=context[:, -1:, None].repeat(1, 1, horizon, 1, 1, 1))

    scores = score_futures(Still(some_futures()), contexts(3), truths(), samples=7, chunk=1)
    assert (scores.clips, scores.samples, scores.horizon) == (3, 1, 5)
    assert scores.best == pytest.approx(scores.mean)
    assert scores.spread == 0


def test_the_best_never_gets_worse_with_more_samples():
    futures, truth = some_futures(samples=12), truths()
    best = [
        score_futures(Bank(futures), contexts(3), truth, samples=samples).best
        for samples in range(1, 13)
    ]
    assert best == sorted(best)
    assert best[-1] > best[0]


def test_the_best_is_one_future_of_the_clip_and_not_the_best_of_every_frame():
    # Sample 0 is perfect at first and then poor, sample 1 the reverse, sample 2 fair throughout.
    far, near, fair = 1.0, 0.001, 0.02
    futures = of_errors([[[near, far, far], [far, far, near], [fair, fair, fair]]])
    scores = score_futures(
        Bank(futures), contexts(1), torch.zeros(1, 3, *SHAPE), samples=3, window=3
    )
    of_fair = 20 * torch.log10(torch.tensor(1 / fair))
    assert scores.best_sample.tolist() == [2]
    assert scores.best_curve == pytest.approx(of_fair.expand(3).numpy())
    assert scores.best == pytest.approx(float(of_fair))
    per_frame = psnr(futures, torch.zeros(1, 1, 3, *SHAPE)).amax(1).mean()
    assert per_frame > scores.best + 5  # what choosing per frame would claim


def test_each_clip_has_a_best_of_its_own_chosen_within_the_window():
    futures = of_errors([[[0.1, 0.1, 0.001], [0.01, 0.01, 1.0]], [[0.01] * 3, [0.1] * 3]])
    truth = torch.zeros(2, 3, *SHAPE)
    by_window = score_futures(Bank(futures), contexts(2), truth, samples=2, window=2)
    assert by_window.best_sample.tolist() == [1, 0]
    assert by_window.best == pytest.approx(40.0)
    assert by_window.best_curve.tolist() == pytest.approx([40.0, 40.0, 20.0])
    by_all = score_futures(Bank(futures), contexts(2), truth, samples=2)
    assert by_all.window == 3
    assert by_all.best_sample.tolist() == [0, 0]


def test_mean_and_spread_are_over_the_samples_of_a_clip():
    curves = torch.tensor([[[10.0, 20.0, 99.0], [20.0, 30.0, 99.0]], [[5.0] * 3, [5.0] * 3]])
    scores = FutureScores.of(curves, window=2)
    assert scores.mean == pytest.approx((15 + 25 + 5 + 5) / 4)
    assert scores.spread == pytest.approx((50**0.5 + 0) / 2)
    assert scores.mean_curve.tolist() == pytest.approx([10.0, 15.0, 52.0])


@pytest.mark.parametrize(
    "changes, found",
    [
        ({"samples": 0}, ("samples", 1, 0)),
        ({"chunk": 0}, ("chunk", 1, 0)),
        ({"window": 6}, (1, 5, 6)),
        ({"window": 0}, (1, 5, 0)),
        ({"truth": truths(2)}, (3, 2)),
        ({"truth": truths(4)}, (3, 4)),
    ],
)
def test_bad_requests_are_refused_before_anything_is_predicted(changes: dict, found: tuple):
    bank = Bank(some_futures())
    request = {"truth": truths(), "samples": 7} | changes
    truth = request.pop("truth")
    with refused(ValueError, *found):
        score_futures(bank, contexts(3), truth, **request)
    assert not bank.calls


def test_scores_without_a_step_or_with_too_long_a_window_are_refused():
    with refused(ValueError, (2, 3)):
        FutureScores.of(torch.zeros(2, 3), window=1)
    with refused(ValueError, 4):
        FutureScores.of(torch.zeros(2, 3, 3), window=4)
