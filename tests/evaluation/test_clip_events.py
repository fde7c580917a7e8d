"""Counts of a clip's events: each level against its own truth, pooled over clips."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlh.data.clips import Clips
from dlh.evaluation.events import count_events, pool_events
from dlh.interfaces import Figures


class Claims(torch.nn.Module):
    """Changes where it is told to, whatever it sees."""

    def __init__(self, changed: np.ndarray) -> None:
        super().__init__()
        self.changed = torch.from_numpy(changed)

    def figures(self, video, *, generator=None) -> Figures:
        return Figures(values={}, changed=self.changed)


def at(*frames: int) -> np.ndarray:
    """A clip of ten frames with events at these."""
    return np.isin(np.arange(10), frames)[None]


def counted(levels: list[np.ndarray], known: Clips):
    changed = np.stack([np.ones((1, 10), bool), *levels], -1)
    return count_events(
        Claims(changed), torch.zeros(10, 3, 4, 4), known, generator=torch.Generator()
    )


def test_levels_with_truths_of_their_own_are_counted_against_these():
    video = np.zeros((1, 10, 4, 4, 3), np.uint8)
    every, slow = at(2, 4, 7), at(4)
    known = Clips(video=video, events=every, level_events=np.stack([every, slow], -1))
    counts = counted([at(2, 4, 8), at(4, 7), at()], known)
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
    known = Clips(video=np.zeros((1, 10, 4, 4, 3), np.uint8), events=at(2, 4, 7))
    counts = counted([at(2, 4), at(4)], known)
    assert counts[:, 0].tolist() == [[9, 3, 2, 2], [9, 3, 1, 1]]
    assert all("true_change_rate" not in level for level in pool_events([counts])["levels"])
