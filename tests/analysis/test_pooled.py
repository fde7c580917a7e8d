from __future__ import annotations

import numpy as np
import pytest

from dlh.analysis.pooled import pooled_mean
from refusals import refused


def test_steps_are_pooled_and_the_error_is_between_clips():
    values = np.array([[1.0, 1.0, 9.0], [0.0, 0.0, 0.0]])
    counted = np.array([[True, True, False], [True, True, False]])
    found = pooled_mean(values, counted)
    assert (found.mean, found.count) == (0.5, 4)
    # Two clips of means 1 and 0: a standard deviation of sqrt(1/2), over the root of two clips.
    assert found.error == pytest.approx(0.5)


def test_the_error_is_what_repeating_the_experiment_gives():
    random = np.random.default_rng(0)
    means, errors = [], []
    for _ in range(300):
        of_clip = random.normal(0, 1, (20, 1)) + random.normal(0, 0.3, (20, 15))
        found = pooled_mean(of_clip, random.random((20, 15)) < 0.5)
        means.append(found.mean)
        errors.append(found.error)
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.1)


def test_what_is_not_there_has_no_mean_and_one_clip_no_error():
    assert pooled_mean(np.ones((2, 3)), np.zeros((2, 3), bool)) is None
    assert pooled_mean(np.ones((1, 3))).error is None
    assert pooled_mean(np.array([1.0, 3.0])).error == pytest.approx(1.0)


def test_shapes_that_differ_are_refused():
    with refused(ValueError, (2, 3), (2, 2)):
        pooled_mean(np.ones((2, 3)), np.ones((2, 2), bool))
