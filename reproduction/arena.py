"""An arena: an animal that rests, explores and grooms before a still background, with sensor noise.

A stand-in for a recording in a laboratory, with the truth that such a recording does not have. The
animal explores at changing speeds, grooms in place with small fast movements, and rests.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlh.data.video.encode import write_video
from reproduction.labelled_films import begin_films, write_labels

BEHAVIOURS = ("rest", "explore", "groom")


@dataclass(frozen=True, kw_only=True)
class Arena:
    """Sizes and rates.

    Attributes:
        height, width: pixels.
        fps: frames a second.
        radius: of the animal, pixels.
        speed: of exploring, pixels a second, on average.
        noise: standard deviation of the sensor, of 255.
        shortest, mean: seconds that a behaviour lasts.
    """

    height: int = 120
    width: int = 160
    fps: int = 25
    radius: float = 9.0
    speed: float = 45.0
    noise: float = 4.0
    shortest: float = 1.5
    mean: float = 4.0


def draw_clip(
    arena: Arena, random: np.random.Generator, *, seconds: float
) -> tuple[np.ndarray, list[float]]:
    """A clip, uint8 (time, height, width, 3), and the seconds at which the behaviour changes."""
    frames = round(seconds * arena.fps)
    behaviour, changes = _behaviours(arena, random, frames)
    rows, columns = np.mgrid[0 : arena.height, 0 : arena.width].astype(np.float32)
    floor = _floor(arena, np.random.default_rng(7))  # the same arena in every clip
    size = np.array([arena.height, arena.width])
    position = random.uniform(0.3 * size, 0.7 * size)
    heading, phase = random.uniform(0, 2 * np.pi), 0.0
    clip = np.empty((frames, arena.height, arena.width, 3), np.uint8)
    for number in range(frames):
        kind = BEHAVIOURS[behaviour[number]]
        if kind == "explore":
            heading += random.normal(0, 0.25)
            step = arena.speed * random.uniform(0.5, 1.5) / arena.fps
            moved = position + step * np.array([np.sin(heading), np.cos(heading)])
            margin = arena.radius + 2
            if np.any(moved < margin) or np.any(moved > size - margin):
                heading += np.pi / 2
            position = np.clip(moved, margin, size - margin)
        phase += 2 * np.pi * (5.0 if kind == "groom" else 0.4) / arena.fps
        clip[number] = _frame(arena, floor, rows, columns, position, heading, phase, kind, random)
    return clip, changes


def behaviours_of(arena: Arena, seed: int, number: int, *, seconds: float) -> np.ndarray:
    """The behaviour of every frame of a clip of :func:`write_clips`, an index of BEHAVIOURS."""
    random = np.random.default_rng([seed, number])
    return _behaviours(arena, random, round(seconds * arena.fps))[0]


def _behaviours(
    arena: Arena, random: np.random.Generator, frames: int
) -> tuple[np.ndarray, list[float]]:
    behaviour, changes = np.empty(frames, int), []
    now, place = int(random.integers(3)), 0
    while place < frames:
        lasts = arena.shortest + random.exponential(arena.mean - arena.shortest)
        stop = min(frames, place + max(1, round(lasts * arena.fps)))
        behaviour[place:stop] = now
        if place:
            changes.append(place / arena.fps)
        now, place = (now + int(random.integers(1, 3))) % 3, stop
    return behaviour, changes


def _floor(arena: Arena, random: np.random.Generator) -> np.ndarray:
    coarse = random.uniform(90, 150, (arena.height // 8 + 1, arena.width // 8 + 1, 1))
    floor = coarse.repeat(8, 0).repeat(8, 1)[: arena.height, : arena.width]
    return (floor * np.array([1.0, 0.95, 0.85])).astype(np.float32)


def _frame(
    arena: Arena,
    floor: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    position: np.ndarray,
    heading: float,
    phase: float,
    kind: str,
    random: np.random.Generator,
) -> np.ndarray:
    """The body is an ellipse along the heading; grooming, the head nods to the side."""
    along = (rows - position[0]) * np.sin(heading) + (columns - position[1]) * np.cos(heading)
    across = (rows - position[0]) * np.cos(heading) - (columns - position[1]) * np.sin(heading)
    radius = arena.radius
    body = (along / radius) ** 2 + (across / (0.6 * radius)) ** 2 <= 1
    nod = 0.5 * radius * np.sin(phase) if kind == "groom" else 0.05 * radius * np.sin(phase)
    head = (along - 0.8 * radius) ** 2 + (across - nod) ** 2 <= (0.45 * radius) ** 2
    frame = floor.copy()
    frame[body] = (50, 45, 40)
    frame[head] = (70, 60, 55)
    noisy = frame + random.normal(0, arena.noise, frame.shape)
    return np.clip(noisy, 0, 255).round().astype(np.uint8)


def write_clips(
    folder: Path, *, clips: int, seconds: float, seed: int, arena: Arena | None = None
) -> Path:
    """Write clips as mp4 and their changes as ``labels.csv``; returns the labels."""
    arena = arena or Arena()
    begin_films(folder, films=clips, seconds=seconds)
    events = []
    for number in range(clips):
        random = np.random.default_rng([seed, number])
        frames, changes = draw_clip(arena, random, seconds=seconds)
        name = f"clip-{number:02d}.mp4"
        write_video(folder / name, frames, fps=arena.fps)
        events += [(name, change) for change in changes]
    return write_labels(folder, events)
