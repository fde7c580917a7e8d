"""Splitting whole files into training, validation and test, by a seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dlh.data.clips import SPLITS, DataError, Split

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
