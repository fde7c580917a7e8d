"""Which rows belong to which process, and which windows are drawn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.refusals import refused
from dlh.data.sampling import Window, batch_rows, check_request, draw_windows, spaced_windows


def rows(**changes):
    request = {"batch_size": 12, "clip_length": 1, "seed": 0, "rank": 0, "world_size": 1} | changes
    return batch_rows(request.pop("step", 0), **request)


@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 6, 12])
def test_the_rows_of_all_ranks_in_order_are_the_batch(world_size):
    shares = [rows(rank=rank, world_size=world_size) for rank in range(world_size)]
    assert [row for share in shares for row in share] == list(range(12))


@pytest.mark.parametrize(
    "change, found",
    [
        ({"batch_size": 5, "world_size": 2}, "5 for 2"),
        ({"batch_size": 0}, 0),
        ({"rank": 2, "world_size": 2}, "found 2"),
        ({"rank": -1, "world_size": 2}, -1),
        ({"clip_length": 0}, "clip_length"),
        ({"seed": -1}, "seed"),
        ({"step": -1}, "step"),
    ],
)
def test_a_batch_that_does_not_exist_is_refused(change, found):
    with refused(found):
        rows(**change)
    with refused("count", -1):
        check_request(clip_length=1, count=-1)


def test_windows_are_uniform_over_every_place_that_fits():
    lengths = np.array([7, 3, 12, 5])  # 3 + 0 + 8 + 1 places for clips of 5
    counts = {}
    for step in range(500):
        for window in draw_windows(lengths, 5, count=24, seed=1, step=step):
            counts[window] = counts.get(window, 0) + 1
    places = [(0, s) for s in range(3)] + [(2, s) for s in range(8)] + [(3, 0)]
    assert set(counts) == {Window(video, start, 5) for video, start in places}
    expected = 500 * 24 / 12
    assert max(abs(count - expected) for count in counts.values()) < 4.5 * np.sqrt(expected)


def test_windows_are_a_function_of_seed_and_step():
    lengths = np.array([1000, 500])
    drawn = [draw_windows(lengths, 10, count=8, seed=s, step=k) for s in (0, 1) for k in (0, 1)]
    assert drawn[0] == draw_windows(lengths, 10, count=8, seed=0, step=0)
    assert len({tuple(windows) for windows in drawn}) == 4


def test_no_place_no_windows():
    assert draw_windows(np.array([4, 3]), 5, count=2, seed=0, step=0) is None
    assert draw_windows(np.array([], dtype=int), 5, count=2, seed=0, step=0) is None
    assert spaced_windows(np.array([4, 3]), 5, count=2) == []
    assert spaced_windows(np.array([], dtype=int), 5, count=2) == []


def test_spaced_windows_cover_a_video_from_end_to_end():
    assert spaced_windows(np.array([25]), 10, count=9) == [Window(0, 0, 10), Window(0, 15, 10)]
    assert spaced_windows(np.array([30, 9, 10]), 10, count=9) == [
        *(Window(0, start, 10) for start in (0, 10, 20)),
        Window(2, 0, 10),
    ]
    assert spaced_windows(np.full(100, 10), 10, count=4) == [
        Window(v, 0, 10) for v in (12, 37, 62, 87)
    ]


@settings(deadline=None, max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=8),
    clip_length=st.integers(1, 60),
    count=st.integers(1, 40),
)
def test_spaced_windows_never_overlap_and_are_as_many_as_asked_or_there_are(
    lengths, clip_length, count
):
    windows = spaced_windows(np.array(lengths), clip_length, count=count)
    assert len(windows) == min(count, sum(length // clip_length for length in lengths))
    for window in windows:
        assert window.start >= 0 and window.start + clip_length <= lengths[window.video]
    for before, after in itertools.pairwise(windows):
        assert after.video > before.video or after.start >= before.start + clip_length
