from __future__ import annotations

import math

import numpy as np
import pytest

from dlh.analysis.foresight import foresight, foresight_of, reliability
from refusals import refused

PROBABILITY = np.array([[0.9, 0.8, 0.2, 0.1], [0.5, 0.6, 0.4, 0.0]])
INFERRED = np.array([[True, True, False, False], [True, True, False, False]])
TRUTH = np.array([[True, True, True, False], [False, False, False, False]])


def test_probabilities_under_both_outcomes_leave_out_the_first_step():
    found = foresight(PROBABILITY, INFERRED, TRUTH)
    assert found.inferred_change.mean == pytest.approx((0.8 + 0.6) / 2)
    assert found.inferred_static.mean == pytest.approx((0.2 + 0.1 + 0.4 + 0.0) / 4)
    assert found.true_change.mean == pytest.approx((0.8 + 0.2) / 2)
    assert found.true_static.mean == pytest.approx((0.1 + 0.6 + 0.4 + 0.0) / 4)
    assert (found.true_change.count, found.true_static.count) == (2, 4)
    nats = -sum(math.log(p) for p in (0.8, 0.2, 0.9, 0.4, 0.6, 1.0)) / 6
    assert found.surprisal.mean == pytest.approx(nats, abs=1e-5)


def test_without_a_truth_and_without_an_outcome_there_is_none():
    found = foresight(PROBABILITY, np.zeros_like(INFERRED))
    assert found.inferred_change is None and found.true_change is None
    assert found.surprisal is None and found.inferred_static.count == 6


def test_a_sure_mistake_costs_a_finite_number_of_nats():
    found = foresight(np.zeros((1, 3)), INFERRED[:1, :3], np.ones((1, 3), bool))
    assert 10 < found.surprisal.mean < 20


def test_a_reliability_curve_of_a_known_answer():
    curve = reliability(PROBABILITY, TRUTH, bins=2)
    # below a half: .2 (came), .1, .4, 0; above: .8 (came), .6
    assert curve.edges == (0.0, 0.5, 1.0) and curve.counts == (4, 2)
    assert curve.predicted == pytest.approx((0.175, 0.7))
    assert curve.happened == pytest.approx((0.25, 0.5))
    assert curve.calibration_error == pytest.approx((4 * 0.075 + 2 * 0.2) / 6)


def test_a_calibrated_forecast_is_found_to_be_one_and_its_opposite_is_not():
    random = np.random.default_rng(0)
    probability = random.random((50, 400))
    outcome = random.random((50, 400)) < probability
    assert reliability(probability, outcome).calibration_error < 0.02
    assert reliability(1 - probability, outcome).calibration_error > 0.4


def test_the_edges_belong_to_bins_and_empty_bins_have_no_mean():
    curve = reliability(np.array([[0.0, 0.0, 1.0]]), np.array([[True, False, True]]), bins=4)
    assert curve.counts == (1, 0, 0, 1)
    assert curve.predicted == (0.0, None, None, 1.0) and curve.happened[1] is None
    assert curve.calibration_error == 0
    nothing = np.zeros((1, 3), bool)
    assert reliability(np.zeros((1, 3)), nothing, counted=nothing) is None


def test_predicted_change_is_the_mean_under_each_outcome(make_trace):
    trace = make_trace(
        [[[1, 1], [1, 1], [1, 0], [1, 0], [1, 1]]],
        probability=[[[0.5, 0.5], [0.5, 0.9], [0.5, 0.2], [0.5, 0.1], [0.5, 0.7]]],
    )
    truth = np.array([[True, True, False, True, False]])
    known = foresight_of(trace, truth)
    assert known.inferred_change.mean == pytest.approx((0.9 + 0.7) / 2)
    assert known.inferred_static.mean == pytest.approx((0.2 + 0.1) / 2)
    assert known.true_change.mean == pytest.approx((0.9 + 0.1) / 2)
    assert known.true_static.mean == pytest.approx((0.2 + 0.7) / 2)


def test_an_upper_level_is_judged_only_where_the_level_below_changed(make_trace):
    trace = make_trace(
        [[[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]],
        probability=[[[0.5] * 3, [0.5, 0.5, 0.99], [0.5, 0.5, 0.3], [0.5, 0.5, 0.8]]],
    )
    known = foresight_of(trace, level=3)
    assert known.inferred_static.mean == pytest.approx(0.3)  # the 0.99 was out of reach
    assert known.inferred_change.mean == pytest.approx(0.8)
    assert known.true_change is None


def test_an_outcome_that_never_happened_has_no_mean(make_trace):
    trace = make_trace([[[1, 1], [1, 0], [1, 0]]], probability=[[[0.5, 0.5]] * 3])
    known = foresight_of(trace)
    assert known.inferred_change is None
    assert known.inferred_static.mean == pytest.approx(0.5)


@pytest.mark.parametrize("level", [0, 1, 3])
def test_level_one_and_levels_that_are_not_there_have_no_foresight_of(make_trace, level):
    with refused(ValueError, 2, level):
        foresight_of(make_trace([[[1, 1], [1, 0]]]), level=level)


def test_what_cannot_be_counted_is_refused():
    with refused(ValueError, 2, (3, 1)):
        foresight(np.zeros((3, 1)), np.zeros((3, 1), bool))
    with refused(ValueError, 1, 0):
        reliability(PROBABILITY, TRUTH, bins=0)
