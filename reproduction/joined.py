"""Films joined from stretches of other videos: their cuts are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.decode import open_video
from dlh.data.video.encode import write_video
from dlh.errors import UsageError
from reproduction.labelled_films import begin_films, write_labels

FPS, HEIGHT, WIDTH = 25, 240, 320
SHORTEST, MEAN = 1.5, 3.0
"""Seconds that a stretch lasts: at least, and on average."""


def write_joined(
    folder: Path, videos: Sequence[Path], *, films: int, seconds: float, seed: int
) -> Path:
    """Write films as mp4 and their cuts as ``labels.csv``; returns the labels.

    Args:
        folder: of the films.
        videos: without cuts of their own; two stretches in a row are of two of them.
        films, seconds: how many, and how long each is.
        seed: decides the stretches.

    Raises:
        UsageError: there are fewer than two videos, or the folder is not empty.
        DataError: a video cannot be read, or is shorter than the shortest stretch.
    """
    if len(videos) < 2:
        raise UsageError(f"films are joined from two videos or more, found {len(videos)}")
    begin_films(folder, films=films, seconds=seconds)
    shots = []
    for path in videos:
        shot = open_video(path, height=HEIGHT, width=WIDTH, channels=3, fps=FPS).read()
        if len(shot) < SHORTEST * FPS:
            raise DataError(f"{path} has {len(shot) / FPS:g} s, a stretch {SHORTEST:g} s at least")
        shots.append(shot)
    events = []
    for number in range(films):
        random = np.random.default_rng([seed, number])
        parts, cuts = _joined(shots, random, round(seconds * FPS))
        name = f"film-{number:02d}.mp4"
        write_video(folder / name, np.concatenate(parts), fps=FPS)
        events += [(name, cut / FPS) for cut in cuts]
    return write_labels(folder, events)


def _joined(
    shots: Sequence[np.ndarray], random: np.random.Generator, frames: int
) -> tuple[list[np.ndarray], list[int]]:
    """Stretches of so many frames together, and the frames at which all but the first begin."""
    parts: list[np.ndarray] = []
    begins: list[int] = []
    now, place = -1, 0
    while place < frames:
        others = [shot for shot in range(len(shots)) if shot != now]
        now = int(random.choice(others))
        lasts = SHORTEST + random.exponential(MEAN - SHORTEST)
        length = min(round(lasts * FPS), len(shots[now]), frames - place)
        first = int(random.integers(len(shots[now]) - length + 1))
        parts.append(shots[now][first : first + length])
        begins.append(place)
        place += length
    return parts, begins[1:]
