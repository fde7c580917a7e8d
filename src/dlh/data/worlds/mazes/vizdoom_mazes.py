"""ViZDoom mazes: walks through random mazes, drawn by the engine of Doom.

They are a stand-in for the mazes of the literature, which have to be downloaded. They ask the same
of a model (what is behind that corner, what did it look like when I was there), but are another
data set: scores on the two do not compare.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dlh.data.claim import claim
from dlh.data.clips import SPLITS, DataError, Split
from dlh.data.store.build import Recipe, StoreBuilder
from dlh.data.store.importing import Progress
from dlh.data.store.store import VERSION, Store
from dlh.data.video.frames import Pictures
from dlh.data.video.resize import Target
from dlh.data.worlds.mazes.maze import Maze, Walk, draw_maze, draw_walk
from dlh.data.worlds.mazes.maze_looks import Look, draw_looks
from dlh.data.worlds.mazes.vizdoom_engine import SIDE, Engine, engine_version, poses
from dlh.data.worlds.mazes.wad import maze_map
from dlh.settings import check_at_least

NAME = "ViZDoom mazes"
VIDEOS: Mapping[Split, int] = {"train": 900, "validation": 50, "test": 50}
FPS = 15.0  # for whoever looks at it: a cell then passes in about 0.6 seconds
_SMALLEST = 16
# So many are given to the engine at once: it starts in 0.3 s, and goes to another map in 5 ms.
_MAPS = 32
_MAZE, _WALK = 0, 1  # what is drawn at random, each with its own stream


def make_vizdoom_mazes(
    out: str | os.PathLike[str],
    *,
    videos: Mapping[Split, int] = VIDEOS,
    frames: int = 300,
    size: int = 64,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Store:
    """Makes a store of ViZDoom mazes, without a display and in constant memory.

    Each video has a maze that no other has, with textures of its own: a function of the arguments
    and of the versions of ViZDoom and of this package. What was interrupted is continued.

    Args:
        out: where the store is to be; must not exist.
        videos: how many each split holds.
        frames: of each video.
        size: of a frame, pixels; frames are square and in colour.

    Raises:
        DataError: ViZDoom is not installed or does not run; there are no such videos; ``out``
            exists or cannot be written, or another process builds it.
    """
    _check(videos, frames, size, seed)
    recipe = Recipe(
        frame_shape=(3, size, size),
        settings={
            "made_from": NAME,
            "made_with": f"vizdoom {engine_version()}",
            "store_version": VERSION,
            "videos": {split: videos.get(split, 0) for split in SPLITS},
            "frames": frames,
            "seed": seed,
        },
        inputs=(),
    )
    target = Target(height=size, width=size, channels=3, fps=FPS)
    progress = progress or (lambda now: None)
    with claim(out, wait=False) as claimed, StoreBuilder(claimed, recipe, name=NAME) as builder:
        plans = _draw_plans(videos, seed)
        todo = [number for number, plan in enumerate(plans) if not builder.has(plan.source)]
        for first in range(0, len(todo), _MAPS):
            some = todo[first : first + _MAPS]
            with Engine([plans[number].map() for number in some]) as engine:
                for place, number in enumerate(some):
                    plan = plans[number]
                    walk, source = plan.walk(frames), plan.source
                    begun = Progress(
                        files_done=number, files=len(plans), source=source, expected_frames=frames
                    )
                    progress(begun)
                    builder.add(
                        source,
                        Pictures(Path(source), target, engine.film(place, walk)),
                        sha256=plan.sha256(walk),
                        progress=lambda done, begun=begun: progress(replace(begun, frames=done)),
                    )
        return builder.finish({plan.source: plan.split for plan in plans})


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """One video, before it is drawn."""

    source: str
    split: Split
    key: tuple[int, ...]  # of its random numbers
    maze: Maze
    looks: list[Look]

    def walk(self, frames: int) -> Walk:
        return draw_walk(self.maze, frames, _random(*self.key, _WALK))

    def map(self) -> str:
        return maze_map(self.maze, self.looks, self.walk(1))

    def sha256(self, walk: Walk) -> str:
        """Of all that the engine is given, which is what a file is to other videos."""
        return hashlib.sha256(self.map().encode() + poses(walk).astype("<i8").tobytes()).hexdigest()


def _draw_plans(videos: Mapping[Split, int], seed: int) -> list[_Plan]:
    """Every video, in the order of the splits; all mazes differ."""
    plans: list[_Plan] = []
    taken: set[bytes] = set()
    for split in SPLITS:
        for number in range(videos.get(split, 0)):
            for attempt in itertools.count():
                key = (seed, SPLITS.index(split), number, attempt)
                random = _random(*key, _MAZE)
                maze = draw_maze(random)
                if maze.open.tobytes() not in taken:
                    break
            taken.add(maze.open.tobytes())
            looks = draw_looks(maze.regions, random)
            source = f"{split}/{number:05d}"
            plans.append(_Plan(source=source, split=split, key=key, maze=maze, looks=looks))
    return plans


def _random(*key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(key))


def _check(videos: Mapping[Split, int], frames: int, size: int, seed: int) -> None:
    if set(videos) - set(SPLITS) or min(videos.values(), default=0) < 0 or not sum(videos.values()):
        raise DataError(
            f"videos is a number for each of {', '.join(SPLITS)}, at least one in all; found "
            f"{dict(videos)}"
        )
    if frames < 2:
        raise DataError(f"a video has at least two frames, found {frames}")
    if not _SMALLEST <= size <= SIDE:
        raise DataError(
            f"ViZDoom mazes have frames of {_SMALLEST} to {SIDE} pixels, found size {size}"
        )
    check_at_least(0, error=DataError, seed=seed)
