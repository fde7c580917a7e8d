"""Files to splits."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.refusals import refused
from dlh.data.store.splits import Shares

DEFAULT = (0.8, 0.1, 0.1)


def counts(files, fractions):
    split = Counter(Shares(fractions, 0).give([f"{n}.mp4" for n in range(files)]).values())
    return tuple(split[name] for name in ("train", "validation", "test"))


@pytest.mark.parametrize(
    "files, fractions, expected",
    [
        (1, DEFAULT, (1, 0, 0)),
        (2, DEFAULT, (2, 0, 0)),
        (3, DEFAULT, (1, 1, 1)),
        (4, DEFAULT, (2, 1, 1)),
        (10, DEFAULT, (8, 1, 1)),
        (1000, DEFAULT, (800, 100, 100)),
        (2, (0.5, 0, 0.5), (1, 0, 1)),
        (7, (1, 0, 0), (7, 0, 0)),
        (1, (0.3, 0, 0.7), (1, 0, 0)),
        (0, DEFAULT, (0, 0, 0)),
    ],
)
def test_how_many_files_each_split_gets(files, fractions, expected):
    assert counts(files, fractions) == expected


@settings(deadline=None, max_examples=60)
@given(
    files=st.integers(0, 60),
    parts=st.tuples(st.integers(1, 10), st.integers(0, 10), st.integers(0, 10)),
    seed=st.integers(0, 5),
)
def test_every_file_is_in_exactly_one_split(files, parts, seed):
    fractions = tuple(part / sum(parts) for part in parts)
    names = [f"{n}.mp4" for n in range(files)]
    split = Shares(fractions, seed).give(names)
    assert sorted(split) == sorted(names)
    found = Counter(split.values())
    for name, share in zip(("train", "validation", "test"), fractions, strict=True):
        assert found[name] == 0 if share == 0 else abs(found[name] - share * files) < 3
    if files:
        assert found["train"] > 0


def test_the_seed_decides_and_the_order_of_the_names_does_not():
    names = [f"{n}.mp4" for n in range(20)]
    assert Shares(DEFAULT, 3).give(names) == Shares(DEFAULT, 3).give(names[::-1])
    assert Shares(DEFAULT, 3).give(names) != Shares(DEFAULT, 4).give(names)


@pytest.mark.parametrize(
    "fractions",
    [(0.8, 0.1), (0.8, 0.3, 0.1), (0, 0.5, 0.5), (1.2, -0.1, -0.1), (float("nan"), 0, 1)],
)
def test_shares_that_are_none_are_refused(fractions):
    with refused(f"{fractions[0]:g} {fractions[1]:g}"):
        Shares(fractions, 0)
