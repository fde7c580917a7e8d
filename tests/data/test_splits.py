"""Files to splits."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.refusals import refused
from dlh.data.store.splits import Listed, Shares, rule_for

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


@pytest.mark.parametrize(
    "files, expected",
    [
        (("train/1.mp4", "val/1.mp4", "test/1.mp4"), ("train", "validation", "test")),
        (("a/Train/1.mp4", "a/valid/1.mp4"), ("train", "validation")),
        (("train.npz", "validation.npz", "test.npz"), ("train", "validation", "test")),
        (("mnist_train.npz", "mnist_test.npy"), ("train", "test")),
        (("train/1.mp4", "other.mp4"), ("train", "train")),
        (("test/1.mp4", "1.mp4"), ("test", "train")),
    ],
)
def test_names_of_splits_are_honoured(files, expected):
    rule = rule_for(files, Shares(DEFAULT, 0))
    assert rule.give(files) == dict(zip(files, expected, strict=True))
    assert rule.settings()["split_by"] == "name"


@pytest.mark.parametrize(
    "files",
    [
        ("1.mp4", "2.mp4"),
        ("train-station.mp4", "a test.mp4"),  # what a film is called says nothing
        ("test.mp4",),  # with nothing to train on
        ("test/1.mp4", "test/2.mp4"),
    ],
)
def test_names_that_say_no_splits_leave_the_seed_to_deal(files):
    assert rule_for(files, Shares(DEFAULT, 0)) == Shares(DEFAULT, 0)


def test_unnamed_files_are_dealt_among_the_splits_that_no_name_says():
    files = ("test/1.mp4", *(f"{number}.mp4" for number in range(20)))
    given = rule_for(files, Shares(DEFAULT, 0)).give(files)
    found = Counter(given[file] for file in files[1:])
    assert found["test"] == 0 and found["validation"] == 2 and found["train"] == 18


def test_a_list_says_the_split_of_every_file(tmp_path):
    path = tmp_path / "splits.txt"
    path.write_text("# mine\ntrain a b/1.mp4\nval,2.mp4\n\ntest 3.mp4\n")
    listed = Listed.read(path)
    expected = {"a b/1.mp4": "train", "2.mp4": "validation", "3.mp4": "test"}
    assert listed.give(list(expected)) == expected
    with refused(path, "4.mp4"):
        listed.give(["4.mp4"])
    path.write_text("train 1.mp4\nbest 2.mp4\n")
    with refused(path, 2, "best"):
        Listed.read(path)
