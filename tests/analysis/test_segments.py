"""Stretches of motion of one strength are one state, also in another video."""

from __future__ import annotations

import numpy as np
import pytest

from dlh.analysis.event_methods import ChangePointDetector
from dlh.analysis.segments import Clusters, motion_stretches
from dlh.evaluation.event_floors import has_ruptures

pytestmark = pytest.mark.skipif(not has_ruptures(), reason="needs ruptures")


def detector(*stretches: float, seed: int) -> ChangePointDetector:
    """Of 80 frames at each motion energy, with noise of a twentieth."""
    random = np.random.default_rng(seed)
    energy = np.repeat(stretches, 80) * np.exp(random.normal(0, 0.05, 80 * len(stretches)))
    energy[0] = 0.0
    return ChangePointDetector(energy=energy, fps=25.0)


def clusters_of(found: ChangePointDetector, clusters: Clusters) -> list[int | None]:
    starts = [event.frame for event in found.at(found.threshold)]
    stretches = motion_stretches(found, starts, clusters)
    assert (stretches[0].first, stretches[-1].stop) == (0, len(found.energy))
    return [stretch.cluster for stretch in stretches]


def test_the_same_strength_of_motion_is_the_same_state_also_in_another_video() -> None:
    clusters = Clusters()
    assert clusters_of(detector(0.010, 0.012, 0.010, seed=1), clusters) == [1, 2, 1]
    assert clusters_of(detector(0.012, 0.015, 0.010, seed=2), clusters) == [2, 3, 1]


def test_a_still_video_is_one_state() -> None:
    still = ChangePointDetector(energy=np.zeros(60), fps=25.0)
    assert clusters_of(still, Clusters()) == [1]
