"""Which rows belong to which process, and which windows are drawn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlh.data.clips import DataError
from dlh.data.sampling import Window, check_request, draw_windows, rank_rows, spaced_windows


@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 6, 12])
def test_the_rows_of_all_ranks_in_order_are_the_batch(world_size):
    rows = [
        row for rank in range(world_size) for row in rank_rows(12, rank=rank, world_size=world_size)
    ]
    assert rows == list(range(12))


@pytest.mark.parametrize(
    "batch_size, rank, world_size, message",
    [
        (5, 0, 2, "batch_size 5 for 2 processes; take a positive multiple of 2"),
        (0, 0, 1, "batch_size 0"),
        (4, 2, 2, r"rank lies in \[0, world_size = 2\), found 2"),
        (4, -1, 2, "found -1"),
    ],
)
def test_a_batch_that_cannot_be_shared_is_refused(batch_size, rank, world_size, message):
    with pytest.raises(DataError, match=message):
        rank_rows(batch_size, rank=rank, world_size=world_size)


def test_a_request_names_what_is_wrong():
    check_request(clip_length=1)
    for name in ("clip_length", "count", "seed", "step"):
        with pytest.raises(DataError, match=f"{name} is at least .*, found -1"):
            check_request(**({"clip_length": 1} | {name: -1}))


def test_windows_are_uniform_over_every_place_that_fits():
    lengths = np.array([7, 3, 12, 5])  # 3 + 0 + 8 + 1 places for clips of 5
    counts = {}
    for step in range(500):
        for window in draw_windows(lengths, 5, count=24, seed=1, step=step):
            counts[window] = counts.get(window, 0) + 1
    places = (
        [Window(0, s, 5) for s in range(3)]
        + [Window(2, s, 5) for s in range(8)]
        + [Window(3, 0, 5)]
    )
    assert set(counts) == set(places)
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
