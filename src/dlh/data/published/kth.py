"""KTH Action: its videos, the split of each person, and the lengths that are published."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path

from dlh.data.clips import DataError, Split
from dlh.data.published.data_set import Layout
from dlh.data.reading import reading
from dlh.data.store.store import StoredVideo

ACTIONS = ("boxing", "handclapping", "handwaving", "jogging", "running", "walking")
SEQUENCES = "00sequences.txt"
NEVER_MADE = "person13_handclapping_d3_uncomp.avi"
_PERSONS = range(1, 26)
_VALIDATION = range(19, 21)
_TEST = range(21, 26)


def _split(person: int) -> Split:
    if person in _TEST:
        return "test"
    return "validation" if person in _VALIDATION else "train"


LAYOUT = Layout(
    pattern=r"(?:.*/)?(?P<name>person(?P<part>\d\d)_(?:"
    + "|".join(ACTIONS)
    + r")_d[1-4]_uncomp\.avi)",
    files="personNN_ACTION_dM_uncomp.avi",
    parts={f"{person:02}": _split(person) for person in _PERSONS},
    rule="persons 21-25 are the test, as in the field; of persons 1-20, with whom the field "
    "trains, 19 and 20 are for validation (a cut of our own)",
)


def expected() -> list[str]:
    """The names of the 599 videos."""
    names = (
        f"person{person:02}_{action}_d{scene}_uncomp.avi"
        for action, person, scene in product(ACTIONS, _PERSONS, range(1, 5))
    )
    return [name for name in names if name != NEVER_MADE]


def read_sequences(path: Path) -> dict[str, int]:
    """From ``00sequences.txt``: the last frame (from 1) of each video in which the person is seen.

    Its lines are such as ``person01_boxing_d1   frames   1-95, 96-185``; others are passed over.

    Raises:
        DataError: it cannot be read, or has no such line.
    """
    with reading(path):
        text = path.read_text(encoding="ascii", errors="replace")
    last: dict[str, int] = {}
    for line in text.splitlines():
        if match := re.match(r"\s*(person\d\d_[a-z]+_d\d)\s+frames\s+(.+)", line):
            ends = [int(end) for end in re.findall(r"\d+\s*-\s*(\d+)", match[2])]
            if ends:
                last[f"{match[1]}_uncomp.avi"] = max(ends)
    if not last:
        raise DataError(
            f"{path} has no frame ranges, expected lines such as `person01_boxing_d1 frames 1-95, "
            "96-185`; remove it, so that it is fetched again"
        )
    return last


def too_short(videos: Iterable[StoredVideo], last: Mapping[str, int]) -> list[str]:
    """The videos that end before a frame that is published as showing the person."""
    return [video.source for video in videos if video.length < last.get(video.source, 0)]
