"""Stores of small random frames, and child processes that build them."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np

from dlh.data.claim import claim
from dlh.data.store.build import Recipe, StoreBuilder

RECIPE = Recipe(frame_shape=(3, 4, 6), settings={"fps": None}, inputs=(("a", "1"), ("b", "2")))


class Stream(SimpleNamespace):
    """Frames of random bytes, with an error after some of them if wanted."""

    def __init__(self, length, seed=0, *, fails_after=None, error=None, notes=()):
        super().__init__(
            path="x", fps=25.0, expected_frames=length, source_size=(60, 40), notes=list(notes)
        )
        self.array = np.random.default_rng(seed).integers(0, 256, (length, 4, 6, 3), dtype=np.uint8)
        self.fails_after, self.error = fails_after, error
        self.read = 0

    def __iter__(self):
        for number, frame in enumerate(self.array):
            if number == self.fails_after:
                raise self.error
            self.read += 1
            yield frame


def build(out, lengths, *, recipe=RECIPE, **options):
    with (
        claim(out, wait=False) as claimed,
        StoreBuilder(claimed, recipe, name="test", **options) as builder,
    ):
        for number, length in enumerate(lengths):
            builder.add(f"{number}.mp4", Stream(length, number), sha256=f"{number}" * 64)
        return builder.finish({f"{number}.mp4": "train" for number in range(len(lengths))})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


PRELUDE = f"""
import sys
sys.path.insert(0, {os.path.dirname(os.path.dirname(__file__))!r})
from data.small_store import RECIPE, Stream, build
from dlh.data.store.build import StoreBuilder
from dlh.data.claim import claim
from dlh.data.clips import DataError
"""


def child(code, *arguments, **options):
    """A Python process that knows the names above; its arguments are in sys.argv."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
