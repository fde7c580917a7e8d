from __future__ import annotations

from itertools import permutations

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from dlh.data.clips import Clips
from dlh.evaluation.events import (
    change_rates,
    count_events,
    event_scores,
    mean_depth,
    mean_depth_with_first,
    pool_events,
)
from dlh.interfaces import Figures
from refusals import refused


def at(length: int, *frames: int) -> np.ndarray:
    mask = np.zeros((1, length), dtype=bool)
    mask[0, list(frames)] = True
    return mask


def test_precision_and_recall_of_a_known_answer():
    scores = event_scores(at(11, 2, 5, 6, 9), at(11, 2, 6, 8))
    assert (scores.steps, scores.matched) == (10, 2)
    assert (scores.inferred_events, scores.true_events) == (4, 3)
    assert scores.precision == pytest.approx(2 / 4)
    assert scores.recall == pytest.approx(2 / 3)
    assert scores.f1 == pytest.approx(2 * 2 / (4 + 3))
    assert scores.inferred_rate == pytest.approx(0.4)
    assert scores.true_change_rate == pytest.approx(0.3)


def test_the_forced_first_step_is_not_counted():
    assert event_scores(at(5, 0, 2), at(5, 2)).precision == 1
    assert event_scores(at(5, 2), at(5, 0, 2)).recall == 1
    assert event_scores(at(5, 0), at(5, 0)).matched == 0


def test_clips_are_pooled_before_the_ratio_is_taken():
    inferred = np.concatenate([at(6, 1, 2, 3, 4), at(6, 5)])
    truth = np.concatenate([at(6, 1), at(6, 5)])
    assert event_scores(inferred, truth).precision == pytest.approx(2 / 5)  # not (1/4 + 1) / 2


def test_tensors_and_arrays_give_the_same_scores():
    inferred, truth = at(9, 2, 5), at(9, 2, 7)
    assert event_scores(torch.from_numpy(inferred), truth) == event_scores(inferred, truth)


@pytest.mark.parametrize(
    "inferred, truth, precision, recall, f1",
    [
        ((), (), 1, 1, 1),  # nothing to find, nothing claimed
        ((), (3,), 0, 0, 0),
        ((3,), (), 0, 0, 0),
    ],
)
def test_ratios_over_nothing(inferred, truth, precision, recall, f1):
    scores = event_scores(at(5, *inferred), at(5, *truth))
    assert (scores.precision, scores.recall, scores.f1) == (precision, recall, f1)


def test_without_tolerance_a_neighbouring_frame_is_a_miss_and_a_false_alarm():
    assert event_scores(at(9, 4), at(9, 5)).matched == 0
    assert event_scores(at(9, 4), at(9, 5), tolerance=1).matched == 1
    assert event_scores(at(9, 4), at(9, 6), tolerance=1).matched == 0
    assert event_scores(at(9, 6), at(9, 4), tolerance=2).matched == 1


def test_with_tolerance_every_event_is_in_one_pair_at_most():
    scores = event_scores(at(9, 3, 4, 5), at(9, 4), tolerance=1)
    assert (scores.precision, scores.recall) == (pytest.approx(1 / 3), 1)
    # Taking the nearest first would pair 4 with 4 and leave 5 and 3 two frames apart.
    assert event_scores(at(9, 4, 5), at(9, 3, 4), tolerance=1).matched == 2


frames = st.sets(st.integers(1, 9), max_size=5).map(sorted)


@given(ours=frames, theirs=frames, tolerance=st.integers(0, 3))
def test_the_number_of_pairs_is_the_largest_possible(ours, theirs, tolerance):
    few, many = sorted((ours, theirs), key=len)
    most = max(
        sum(abs(a - b) <= tolerance for a, b in zip(few, chosen, strict=True))
        for chosen in permutations(many, len(few))
    )
    assert event_scores(at(10, *ours), at(10, *theirs), tolerance=tolerance).matched == most


@given(st.integers(1, 30), st.randoms(use_true_random=False))
def test_without_tolerance_it_is_the_intersection(length, random):
    inferred, truth = np.array(
        [[[random.random() < 0.4 for _ in range(length + 1)] for _ in range(3)] for _ in range(2)]
    )
    expected = (inferred & truth)[:, 1:].sum()
    assert event_scores(inferred, truth).matched == expected


def test_masks_that_do_not_fit_are_refused():
    with refused(ValueError, (1, 5), (1, 6)):
        event_scores(at(5), at(6))
    with refused(ValueError, "bool", "float64", (1, 5)):
        event_scores(at(5), at(5).astype(float))
    with refused(ValueError, 1):
        event_scores(at(1), at(1))
    with refused(ValueError, -1):
        event_scores(at(5), at(5), tolerance=-1)


CHANGED = np.array(
    [
        [[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 0, 0]],
        [[1, 1, 1], [1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 0, 0]],
    ],
    dtype=bool,
)


def test_mean_depth_counts_level_one_and_leaves_out_the_first_step():
    assert mean_depth(CHANGED) == pytest.approx((1 + 2 + 3 + 1 + 1 + 1 + 2 + 1) / 8)
    assert mean_depth(torch.from_numpy(CHANGED)) == mean_depth(CHANGED)


def test_the_forced_first_step_adds_what_it_must_to_the_papers_mean_depth():
    with_first = mean_depth_with_first(CHANGED)
    assert with_first == pytest.approx((4 / 5) * mean_depth(CHANGED) + 3 / 5)


def test_change_rates_add_up_to_the_mean_depth():
    rates = change_rates(CHANGED)
    assert rates == pytest.approx((1, 3 / 8, 1 / 8))
    assert sum(rates) == pytest.approx(mean_depth(CHANGED))


def test_depth_needs_all_levels_and_two_frames():
    with refused(ValueError, "batch", "time", "levels", (2, 5)):
        mean_depth(CHANGED[..., 0])
    with refused(ValueError, 1):
        change_rates(CHANGED[:, :1])


class Claims(torch.nn.Module):
    """Changes where it is told to, whatever it sees."""

    def __init__(self, changed: np.ndarray) -> None:
        super().__init__()
        self.changed = torch.from_numpy(changed)

    def figures(self, video, *, generator=None) -> Figures:
        return Figures(values={}, changed=self.changed)


def counted(levels: list[np.ndarray], known: Clips):
    changed = np.stack([np.ones((1, 10), bool), *levels], -1)
    return count_events(
        Claims(changed), torch.zeros(10, 3, 4, 4), known, generator=torch.Generator()
    )


def test_levels_with_truths_of_their_own_are_counted_against_these():
    video = np.zeros((1, 10, 4, 4, 3), np.uint8)
    every, slow = at(10, 2, 4, 7), at(10, 4)
    known = Clips(video=video, events=every, level_events=np.stack([every, slow], -1))
    counts = counted([at(10, 2, 4, 8), at(10, 4, 7), at(10)], known)
    # Levels 2, 3 and 4; same frame, within 1, within 2; steps, true, inferred, matched.
    assert counts[:, 0].tolist() == [[9, 3, 3, 2], [9, 1, 2, 1], [9, 0, 0, 0]]
    assert counts[:, 1].tolist() == [[9, 3, 3, 3], [9, 1, 2, 1], [9, 0, 0, 0]]
    found = pool_events([counts, counts])
    assert found["true_events"] == 6 and found["true_change_rate"] == pytest.approx(3 / 9)
    rates = [level["true_change_rate"] for level in found["levels"]]
    assert rates == pytest.approx([3 / 9, 1 / 9, 0])
    assert found["levels"][1]["tolerance"]["0"] == {
        "precision": 0.5,
        "recall": 1.0,
        "f1": pytest.approx(2 / 3),
    }
    # Nothing to find and nothing claimed, which makes no level the best.
    assert found["levels"][2]["tolerance"]["0"]["f1"] == 1
    assert found["best_level"] == 2


def test_data_with_one_truth_holds_all_levels_against_it():
    known = Clips(video=np.zeros((1, 10, 4, 4, 3), np.uint8), events=at(10, 2, 4, 7))
    counts = counted([at(10, 2, 4), at(10, 4)], known)
    assert counts[:, 0].tolist() == [[9, 3, 2, 2], [9, 3, 1, 1]]
    assert all("true_change_rate" not in level for level in pool_events([counts])["levels"])
