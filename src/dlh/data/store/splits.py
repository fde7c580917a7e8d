"""Splitting whole files into training, validation and test: by name, by a list, or by a seed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np

from dlh.data.clips import SPLITS, DataError, Split
from dlh.data.reading import reading
from dlh.data.video.arrays import ARRAY_SUFFIXES

Fractions = tuple[float, float, float]


class SplitRule(Protocol):
    """A rule that assigns files to splits."""

    def settings(self) -> Mapping[str, object]:
        """The rule as a store records it; of JSON's types."""
        ...

    def give(self, files: Sequence[str]) -> Mapping[str, Split]:
        """The split of each file."""
        ...


@dataclass(frozen=True)
class Shares:
    """Shares of the files (train, validation, test), assigned by a seed.

    Counts are the shares, rounded to whole files. With at least as many files as splits that have a
    share, each of these gets one; with fewer the largest shares come first, so one or two files are
    all for training (at .8 .1 .1). Training always gets one.
    """

    fractions: Fractions
    seed: int

    def __post_init__(self) -> None:
        check_fractions(self.fractions)

    def settings(self) -> Mapping[str, object]:
        return {"split": list(self.fractions), "seed": self.seed}

    def give(self, files: Sequence[str]) -> dict[str, Split]:
        """A function of the set of files, the shares and the seed."""
        counts = _counts(len(files), self.fractions)
        order = np.random.default_rng(self.seed).permutation(len(files))
        in_order = sorted(files)
        shuffled = [in_order[place] for place in order]
        labels = [split for split, count in zip(SPLITS, counts, strict=True) for _ in range(count)]
        return dict(zip(shuffled, labels, strict=True))


@dataclass(frozen=True)
class ByName:
    """The splits that the names of folders and files say, such as ``val/3.mp4`` or ``test.npz``.

    A file whose name says nothing is for training where another's says train; else it is dealt by
    ``others`` among the splits that no name says.
    """

    others: Shares

    def settings(self) -> Mapping[str, object]:
        return {"split_by": NAMES, **self.others.settings()}

    def give(self, files: Sequence[str]) -> dict[str, Split]:
        """A function of the set of files, the shares and the seed."""
        said = {file: split for file in files if (split := named_split(file)) is not None}
        rest = [file for file in files if file not in said]
        if "train" in said.values():
            return {file: said.get(file, "train") for file in files}
        if not rest:  # where all is held out nothing can be trained on
            return self.others.give(files)
        left = [
            0.0 if split in said.values() else share
            for split, share in zip(SPLITS, self.others.fractions, strict=True)
        ]
        train, validation, test = (share / sum(left) for share in left)
        return said | Shares((train, validation, test), self.others.seed).give(rest)


@dataclass(frozen=True)
class Listed:
    """The splits that a list says of every file, and where the list was read."""

    path: Path
    splits: Mapping[str, Split]

    @classmethod
    def read(cls, path: Path) -> Listed:
        """A list with a line for each file: its split, and its path below the folder.

        Raises:
            DataError: it cannot be read, or a line is something else.
        """
        splits: dict[str, Split] = {}
        with reading(path):
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            said, _, file = line.strip().replace(",", " ", 1).partition(" ")
            split = _WORDS.get(said.lower())
            if split is None or not file.strip():
                raise DataError(
                    f"{path}, line {number}: found {line!r}, expected a split (train, validation "
                    "or test) and the path of a file"
                )
            splits[file.strip()] = split
        return cls(path, splits)

    def settings(self) -> Mapping[str, object]:
        return {"split_by": "list", "splits": dict(sorted(self.splits.items()))}

    def give(self, files: Sequence[str]) -> dict[str, Split]:
        """Raises :class:`DataError` for a file that is not in the list."""
        missing = [file for file in files if file not in self.splits]
        if missing:
            raise DataError(
                f"{self.path} says no split of {missing[0]} (nor of {len(missing) - 1} others); "
                "add a line such as `train PATH` for each, the path below the folder"
            )
        return {file: self.splits[file] for file in files}


NAMES = "name"
_WORDS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def named_split(file: str) -> Split | None:
    """The split that a path says: a folder's name, or the file's.

    A file of arrays may say it at either end of its name, as ``mnist_train.npz`` does. A film's
    name must be the split's, as other films too are called ``train-station.mp4``.
    """
    path = PurePosixPath(file)
    words = [*path.parts[:-1], path.stem]
    if path.suffix.lower() in ARRAY_SUFFIXES:
        parts = re.split(r"[-_. ]", path.stem)
        words += [parts[0], parts[-1]]
    return next((_WORDS[word.lower()] for word in words if word.lower() in _WORDS), None)


def rule_for(files: Sequence[str], shares: Shares) -> SplitRule:
    """By the names of the files where they say their splits, else by the shares."""
    said = {named_split(file) for file in files}
    trains = "train" in said or (None in said and len(said) > 1)
    return ByName(shares) if trains else shares


def check_fractions(fractions: Sequence[float]) -> None:
    """Raises :class:`DataError` unless these are the shares of train, validation and test."""
    good = len(fractions) == 3 and all(math.isfinite(share) and share >= 0 for share in fractions)
    if not good or abs(sum(fractions) - 1) > 1e-6 or fractions[0] == 0:
        raise DataError(
            "a split is three shares (train, validation, test) of sum 1, the first above 0; found "
            f"{' '.join(f'{share:g}' for share in fractions)}"
        )


def _counts(files: int, fractions: Sequence[float]) -> list[int]:
    exact = [files * share for share in fractions]
    counts = [int(share) for share in exact]
    by_remainder = sorted(range(3), key=lambda split: counts[split] - exact[split])
    for split in by_remainder[: files - sum(counts)]:
        counts[split] += 1
    wanted = [split for split in range(3) if fractions[split] > 0]
    if files >= len(wanted):
        for split in wanted:
            if counts[split] == 0:
                counts[split] += 1
                counts[counts.index(max(counts))] -= 1
    if files and counts[0] == 0:
        counts[counts.index(max(counts))] -= 1
        counts[0] = 1
    return counts
