"""Stores of small frames, and child processes that build them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dlh.data.claim import claim
from dlh.data.store.build import Recipe, StoreBuilder
from dlh.data.video.frames import Frames
from dlh.data.video.resize import Target

RECIPE = Recipe(frame_shape=(3, 4, 6), settings={"fps": None}, inputs=(("a", "1"), ("b", "2")))


class Stream(Frames):
    """Frames of an array, or so many random ones; perhaps with an error after some of them."""

    def __init__(self, frames, seed=0, *, fps=25.0, notes=(), fails_after=None, error=None):
        if isinstance(frames, int):
            random = np.random.default_rng(seed)
            frames = random.integers(0, 256, (frames, 4, 6, 3), dtype=np.uint8)
        height, width, channels = frames.shape[1:]
        target = Target(height=height, width=width, channels=channels)
        super().__init__(Path("x"), target, fps, len(frames))
        self.array, self.source_size, self.notes = frames, (60, 40), list(notes)
        self.fails_after, self.error = fails_after, error

    def __iter__(self):
        for number, frame in enumerate(self.array):
            if number == self.fails_after:
                raise self.error
            yield frame


@contextmanager
def building(out, recipe=RECIPE, *, name="test", **options):
    with (
        claim(out, wait=False) as claimed,
        StoreBuilder(claimed, recipe, name=name, **options) as builder,
    ):
        yield builder


def build(out, lengths, **options):
    """A store of 0.mp4, 1.mp4, ... of these lengths, all to train on."""
    with building(out, **options) as builder:
        for number, length in enumerate(lengths):
            builder.add(f"{number}.mp4", Stream(length, number), sha256=f"{number}" * 64)
        return builder.finish({f"{number}.mp4": "train" for number in range(len(lengths))})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


PRELUDE = f"""
import sys
sys.path.insert(0, {os.path.dirname(os.path.dirname(__file__))!r})
from data.small_store import Stream, build, building
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


def output(code, *arguments):
    """What such a process prints."""
    out, problems = child(code, *arguments).communicate()
    assert out, problems
    return out


UNPRIVILEGED = """
import os
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
"""


def let_others_in(folder):
    """Lets a user without privileges get to a folder."""
    for above in (folder, *folder.parents[:3]):
        above.chmod(above.stat().st_mode | 0o755)


def limited(limit):
    """Code after which no file grows beyond so many bytes, as on a full disk."""
    return f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
