"""Best of K, energy score and bootstrap: what is said of many samples and many clips."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlh.evaluation.futures import energy_score, energy_terms, expected_best
from dlh.evaluation.results import Bootstrap
from refusals import refused

SCORES = st.lists(st.floats(-50, 50), min_size=1, max_size=9)


@given(SCORES, st.booleans())
def test_best_of_k_is_the_mean_over_all_ways_to_draw_k(scores: list[float], higher: bool):
    best = max if higher else min
    expected = [
        np.mean([best(drawn) for drawn in itertools.combinations(scores, count)])
        for count in range(1, len(scores) + 1)
    ]
    found = expected_best(np.array(scores), higher_is_better=higher)
    assert found.tolist() == pytest.approx(expected, abs=1e-9)


@given(SCORES)
def test_best_of_k_never_worsens_with_k(scores: list[float]):
    rising = expected_best(np.array(scores), higher_is_better=True)
    falling = expected_best(np.array(scores), higher_is_better=False)
    assert (np.diff(rising) >= -1e-9).all() and (np.diff(falling) <= 1e-9).all()


def test_best_of_k_keeps_the_clips_apart_and_takes_many_samples():
    scores = np.random.default_rng(0).normal(size=(3, 300))
    found = expected_best(scores, higher_is_better=True)
    assert found.shape == (3, 300)
    assert found[:, 0] == pytest.approx(scores.mean(1))
    assert found[:, -1] == pytest.approx(scores.max(1))


def frames_of(values: list[list[float]]) -> torch.Tensor:
    """Flat frames (samples, time, 1, 2, 2) of the given grey."""
    return torch.tensor(values)[..., None, None, None].expand(-1, -1, 1, 2, 2)


def test_the_energy_score_of_flat_frames_by_hand():
    samples, truth = frames_of([[0.1, 0.5], [0.3, 0.5], [0.6, 0.8]]), frames_of([[0.2, 0.5]])[0]
    energy, diversity = energy_score([energy_terms(samples, truth)])
    assert diversity.tolist() == pytest.approx([(0.2 + 0.5 + 0.3) / 3, (0 + 0.3 + 0.3) / 3])
    error = [(0.1 + 0.1 + 0.4) / 3, 0.1]
    assert energy.tolist() == pytest.approx(
        [e - d / 2 for e, d in zip(error, diversity.tolist(), strict=True)], abs=1e-6
    )


def test_the_energy_score_against_a_plain_double_loop():
    generator = torch.Generator().manual_seed(0)
    samples = torch.rand(5, 3, 2, 4, 4, generator=generator, dtype=torch.float64)
    truth = torch.rand(3, 2, 4, 4, generator=generator, dtype=torch.float64)

    def apart(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(((a - b) ** 2).mean().sqrt())

    for step in range(3):
        error = np.mean([apart(s[step], truth[step]) for s in samples])
        pairs = [
            apart(samples[i, step], samples[j, step]) for i in range(5) for j in range(5) if i != j
        ]
        energy, diversity = energy_score([energy_terms(samples, truth)])
        assert diversity[step].item() == pytest.approx(np.mean(pairs))
        assert energy[step].item() == pytest.approx(error - np.mean(pairs) / 2)


def test_frames_beyond_the_range_score_as_their_nearest_inside():
    beyond, inside = frames_of([[-0.2], [1.4], [0.5]]), frames_of([[0.0], [1.0], [0.5]])
    truth = frames_of([[0.25]])[0]
    scores = [torch.stack(energy_score([energy_terms(f, truth)])) for f in (beyond, inside)]
    assert torch.equal(*scores)


def test_blocks_count_by_their_samples_and_their_pairs():
    samples, truth = frames_of([[0.0], [1.0], [1.0], [0.5], [0.5]]), frames_of([[0.0]])[0]
    energy, diversity = energy_score(
        [energy_terms(samples[:3], truth), energy_terms(samples[3:], truth)]
    )
    assert diversity.item() == pytest.approx((1 + 1 + 0 + 0) / 4)
    assert energy.item() == pytest.approx((0 + 1 + 1 + 0.5 + 0.5) / 5 - diversity.item() / 2)


def test_a_single_sample_scores_its_distance():
    energy, diversity = energy_score([energy_terms(frames_of([[0.25]]), frames_of([[1.0]])[0])])
    assert energy.item() == pytest.approx(0.75) and diversity.item() == 0


def test_the_energy_score_rewards_the_true_distribution_where_best_of_k_rewards_scatter():
    """The truth is 0.5 +- 0.1; a model that scatters all over has as good a best of 20 or better,
    a model that always says 0.5 is as close on average; neither has the lower energy score."""
    random = np.random.default_rng(0)

    def draw(spread: float, count: int) -> torch.Tensor:
        values = np.clip(0.5 + spread * random.choice([-1, 1], (count, 1)), 0, 1)
        return frames_of(values.tolist())

    scores = {0.0: [], 0.1: [], 0.4: []}
    for _ in range(200):
        truth = draw(0.1, 1)[0]
        for spread, found in scores.items():
            found.append(float(energy_score([energy_terms(draw(spread, 20), truth)])[0]))
    means = {spread: np.mean(found) for spread, found in scores.items()}
    assert means[0.1] < means[0.0] and means[0.1] < means[0.4]


def test_the_bootstrap_covers_the_true_mean_about_as_often_as_it_says():
    random, covered = np.random.default_rng(1), 0
    for trial in range(300):
        low, high = Bootstrap(40, seed=trial, resamples=400).interval(random.normal(2, 1, 40))
        covered += low <= 2 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_the_bootstrap_is_the_same_for_the_same_seed_and_resamples_all_rows_alike():
    values = np.random.default_rng(0).normal(size=12)
    first = Bootstrap(12, seed=3)
    assert first.interval(values) == Bootstrap(12, seed=3).interval(values)
    assert first.interval(values) != Bootstrap(12, seed=4).interval(values)
    shifted = first.interval(values + 5)
    assert shifted == pytest.approx(tuple(bound + 5 for bound in first.interval(values)))


def test_one_clip_has_no_interval_and_another_number_of_clips_is_refused():
    assert Bootstrap(1, seed=0).interval(np.array([3.0])) is None
    with refused(ValueError, 4, (3,)):
        Bootstrap(4, seed=0).interval(np.zeros(3))
