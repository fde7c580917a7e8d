"""Films of walks through ViZDoom mazes: when one enters another room is known.

A room is a region of the maze: a part with walls and a floor of its own look.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlh.data.video.encode import write_video
from dlh.data.worlds.mazes.maze import Maze, Walk, draw_maze, draw_walk
from dlh.data.worlds.mazes.maze_looks import draw_looks
from dlh.data.worlds.mazes.vizdoom_engine import Engine
from dlh.data.worlds.mazes.wad import maze_map
from reproduction.labelled_films import begin_films, write_labels

FPS = 10


def write_walks(folder: Path, *, films: int, seconds: float, seed: int) -> Path:
    """Write films as mp4 and when another room is entered as ``labels.csv``; returns the labels.

    Args:
        folder: of the films.
        films, seconds: how many, each of a maze of its own, and how long each is.
        seed: decides mazes and walks.

    Raises:
        DataError: ViZDoom is not installed or does not run.
    """
    begin_films(folder, films=films, seconds=seconds)
    walks, maps, events = [], [], []
    for number in range(films):
        random = np.random.default_rng([seed, number])
        maze = draw_maze(random)
        walk = draw_walk(maze, round(seconds * FPS), random)
        maps.append(maze_map(maze, draw_looks(maze.regions, random), walk))
        walks.append(walk)
        events += [(f"walk-{number:02d}.mp4", frame / FPS) for frame in entered(maze, walk)]
    with Engine(maps) as engine:
        for number, walk in enumerate(walks):
            frames = np.stack(list(engine.film(number, walk)))
            write_video(folder / f"walk-{number:02d}.mp4", frames, fps=FPS)
    return write_labels(folder, events)


def entered(maze: Maze, walk: Walk) -> list[int]:
    """The frames at which the eye is in another region than at the frame before."""
    columns, rows = np.floor(walk.positions).astype(int).T
    region = maze.region[rows, columns]
    return [int(frame) for frame in 1 + np.flatnonzero(np.diff(region))]
