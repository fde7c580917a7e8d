"""A higher threshold leaves events out and finds no others."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dlh.analysis.event_methods import ChangePointDetector, CutDetector, MotionDetector
from dlh.evaluation.event_floors import has_ruptures


@pytest.mark.parametrize("kind", [MotionDetector, ChangePointDetector, CutDetector])
def test_a_higher_threshold_keeps_some_of_the_events(kind) -> None:
    if kind is ChangePointDetector and not has_ruptures():
        pytest.skip("needs ruptures")
    random = np.random.default_rng(0)
    energy = random.uniform(0.009, 0.011, 400)
    energy[100:140] = 0.03 + 0.1 * (np.arange(40) % 17 == 0)  # one bout with three summits
    energy[250], energy[300:310] = 0.4, 0.05
    detector = kind(energy=energy, fps=10.0)
    found = [detector.at(factor * detector.threshold) for factor in (1, 2, 5, 20)]
    assert found[0]
    for more, fewer in pairwise(found):
        assert len(fewer) <= len(more)
        if kind is not ChangePointDetector:  # its points move a little
            assert set(fewer) <= set(more)


def test_a_bout_of_motion_with_several_summits_is_one_event() -> None:
    energy = np.random.default_rng(0).uniform(0.009, 0.011, 400)
    energy[100:140] = 0.03 + 0.1 * (np.arange(40) % 17 == 0)
    detector = MotionDetector(energy=energy, fps=10.0)
    default, high = detector.at(detector.threshold), detector.at(50.0)
    assert [event.frame for event in default] == [100] and high == default
