from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch

import scoring
from dlh.evaluation.floors import KnownFutures, black_frame, last_frame
from dlh.evaluation.rows import draw, other_clips
from dlh.evaluation.scores.frames import METRICS, psnr, ssim, ssim_legacy
from dlh.evaluation.scoring import ClipScores, Stopwatch, score_clip

ALL = list(METRICS.values())
CONTEXTS = scoring.frames(scoring.CLIPS, scoring.CONTEXT, seed=1)
TRUTHS = scoring.frames(scoring.CLIPS, scoring.HORIZON, seed=2)


def score(row, clip: int = 0, metrics=ALL, **changes) -> ClipScores:
    chosen = scoring.protocol(**changes)
    return score_clip(row, clip, CONTEXTS[clip], TRUTHS[clip], protocol=chosen, metrics=metrics)


def test_block_by_block_is_what_it_is_at_once():
    futures = scoring.frames(scoring.CLIPS, scoring.SAMPLES, scoring.HORIZON)
    for clip in range(2):
        found = score(scoring.known(futures), clip)
        for name, metric in (("psnr", psnr), ("ssim", ssim), ("ssim_legacy", ssim_legacy)):
            curves = metric(futures[clip].double(), TRUTHS[clip].double()).numpy()
            means, scores = curves.mean(1), found.metrics[name]
            assert scores.time_means[0] == pytest.approx(means, abs=1e-5)
            assert scores.mean_curve == pytest.approx(curves.mean(0), abs=1e-5)
            assert scores.best_sample == means.argmax()
            assert scores.best_curve == pytest.approx(curves[means.argmax()], abs=1e-5)


def test_pieces_of_time_change_nothing(monkeypatch):
    whole = score(scoring.row())
    monkeypatch.setattr("dlh.evaluation.futures.VALUES_AT_ONCE", 1)
    pieces = score(scoring.row())
    for name, scores in whole.metrics.items():
        assert pieces.metrics[name].best_curve == pytest.approx(scores.best_curve, abs=1e-6)


def test_a_draw_is_a_function_of_seed_clip_and_block_alone():
    row, block = scoring.row(), range(3, 6)
    how = {"horizon": 4, "seed": 9}
    first = draw(row, 2, CONTEXTS[2], block, **how)
    draw(row, 0, CONTEXTS[0], range(3), **how)
    assert torch.equal(draw(row, 2, CONTEXTS[2], block, **how), first)
    for clip, start, seed in ((1, 3, 9), (2, 0, 9), (2, 3, 8)):
        other = draw(row, clip, CONTEXTS[2], range(start, start + 3), horizon=4, seed=seed)
        assert not torch.equal(other, first)


def test_a_clip_scores_the_same_whichever_were_scored_before():
    alone = score(scoring.row(), 3).to_arrays()
    for clip in (1, 2):
        score(scoring.row(), clip)
    again = score(scoring.row(), 3).to_arrays()
    assert alone.keys() == again.keys()
    assert all(np.array_equal(alone[key], again[key]) for key in alone)


def test_a_deterministic_model_has_one_sample_whatever_is_asked():
    found = score(scoring.row(last_frame(scoring.SHAPE)))
    assert found.metrics["psnr"].time_means.shape == (1, 1)
    assert not found.diversity.any()


def test_the_oracle_is_perfect():
    oracle = KnownFutures(name="oracle", futures=TRUTHS[1][None])
    found = score(scoring.row(oracle), 1)
    assert found.metrics["psnr"].time_means[0] == pytest.approx([100])
    assert found.metrics["ssim"].time_means[0] == pytest.approx([1])
    assert found.metrics["ssim_legacy"].time_means[0] == pytest.approx([1])
    assert not found.energy.any()


def test_black_scores_its_closed_form():
    found = score(scoring.row(black_frame(scoring.SHAPE)), 2)
    squares = TRUTHS[2].square().mean((1, 2, 3)).double()
    assert found.metrics["psnr"].best_curve == pytest.approx(-10 * squares.log10().numpy())
    assert found.energy == pytest.approx(squares.sqrt().numpy(), rel=1e-5)


def test_scores_come_back_from_their_arrays():
    found = score(scoring.row())
    again = ClipScores.from_arrays(found.to_arrays())
    assert list(again.metrics) == list(found.metrics)  # in their order, so files are the same
    assert np.array_equal(again.metrics["ssim"].best_curve, found.metrics["ssim"].best_curve)
    assert again.metrics["psnr"].best_sample == found.metrics["psnr"].best_sample
    assert again.features is None


def test_no_more_than_a_block_of_futures_is_ever_alive():
    alive, most = weakref.WeakSet(), []

    class Counting(scoring.Noise):
        def predict(self, context, *, horizon, samples=1, generator=None):
            drawn = super().predict(context, horizon=horizon, samples=samples, generator=generator)
            alive.add(drawn.frames)
            most.append((samples, len(alive)))
            return drawn

    score(scoring.row(Counting()), samples=7, samples_per_draw=3)
    assert [samples for samples, _ in most] == [2, 2, 3]
    assert max(count for _, count in most) <= 2  # the last block may wait for the next one


def test_time_is_measured_by_part():
    watch = Stopwatch()
    score_clip(
        scoring.row(), 0, CONTEXTS[0], TRUTHS[0], protocol=scoring.protocol(), metrics=ALL,
        watch=watch,
    )  # fmt: skip
    assert set(watch.seconds) == {"predict", "energy", "psnr", "ssim", "ssim_legacy"}
    assert all(seconds > 0 for seconds in watch.seconds.values())


def test_other_clips_are_never_the_clip_itself_and_each_comes_once():
    for clip in range(6):
        others = other_clips(clip, 6, count=4, seed=0)
        assert len(set(others)) == 4 and clip not in others and set(others) <= set(range(6))
        assert others == other_clips(clip, 6, count=4, seed=0)
    assert sorted(other_clips(2, 4, count=100, seed=0)) == [0, 1, 3]
    assert {tuple(other_clips(0, 6, count=5, seed=seed)) for seed in range(5)} != {(1, 2, 3, 4, 5)}
