"""Mazes and walks: connected, closed, explored; and what of them is in a WAD."""

from __future__ import annotations

import numpy as np
import pytest

from data.wad_files import read_lumps, read_map
from dlh.data.worlds.mazes.maze import Maze, Walk, draw_maze, draw_walk
from dlh.data.worlds.mazes.maze_looks import CEILINGS, FLOORS, WALLS, draw_looks
from dlh.data.worlds.mazes.wad import CELL, maps_to_wad, maze_map

SEEDS = range(30)
FRAMES = 300


def drawn(seed, **options):
    return draw_maze(np.random.default_rng(seed), **options)


def reachable(maze, start):
    found, todo = {start}, [start]
    while todo:
        for cell in maze.neighbours(todo.pop()):
            if cell not in found:
                found.add(cell)
                todo.append(cell)
    return found


@pytest.mark.parametrize("size", [5, 7, 11, 21])
def test_every_cell_can_be_reached_and_the_border_is_closed(size):
    for seed in SEEDS:
        maze = drawn(seed, size=size)
        assert maze.open.shape == (size, size)
        assert reachable(maze, maze.cells()[0]) == set(maze.cells())
        inside = np.zeros_like(maze.open)
        inside[1:-1, 1:-1] = True
        assert not maze.open[~inside].any()
        assert maze.open[1::2, 1::2].all()


def test_mazes_have_corners_loops_and_rooms():
    mazes = [drawn(seed) for seed in SEEDS]
    corridors = 2 * 25 - 1  # the cells of a spanning tree of 5 x 5
    assert all(maze.open.sum() > corridors for maze in mazes)
    assert all(0.3 < maze.open.mean() < 0.7 for maze in mazes)
    rooms = np.lib.stride_tricks.sliding_window_view
    assert all(rooms(maze.open, (3, 3)).all(axis=(2, 3)).any() for maze in mazes)


def test_regions_cover_what_is_open_and_nothing_else():
    for seed in SEEDS:
        maze = drawn(seed)
        assert ((maze.region >= 0) == maze.open).all()
        assert set(maze.region[maze.open].tolist()) == set(range(maze.regions))
        assert 3 <= maze.regions <= 5


def test_a_maze_is_a_function_of_its_seed():
    np.testing.assert_array_equal(drawn(4).open, drawn(4).open)
    np.testing.assert_array_equal(drawn(4).region, drawn(4).region)
    assert len({drawn(seed).open.tobytes() for seed in range(200)}) == 200


@pytest.fixture(scope="module")
def walks():
    mazes = [drawn(seed) for seed in SEEDS]
    return [
        (maze, draw_walk(maze, FRAMES, np.random.default_rng(100 + number)))
        for number, maze in enumerate(mazes)
    ]


def turns(walk):
    return np.abs((np.diff(walk.angles) + 180) % 360 - 180)


def test_a_walk_keeps_off_the_walls(walks):
    for maze, walk in walks:
        assert walk.positions.shape == (FRAMES, 2) and walk.angles.shape == (FRAMES,)
        assert (walk.angles >= 0).all() and (walk.angles < 360).all()
        for corner in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            # A body of 16 units to each side, as the engine's player has.
            column, row = np.floor(walk.positions + np.array(corner) * 16 / CELL).astype(int).T
            assert maze.open[row, column].all()


def test_a_walk_explores(walks):
    shares = []
    for maze, walk in walks:
        seen = {tuple(cell) for cell in np.floor(walk.positions).astype(int)}
        shares.append(len(seen) / len(maze.cells()))
    assert min(shares) > 0.3 and np.mean(shares) > 0.45, shares


def test_a_walk_is_smooth_and_never_stands_still_with_a_still_gaze(walks):
    for _, walk in walks:
        steps = np.linalg.norm(np.diff(walk.positions, axis=0), axis=1)
        assert steps.max() < 0.12 and turns(walk).max() <= 14 + 1e-9
        assert ((steps > 0.02) | (turns(walk) > 0.5)).all()
        assert steps.mean() > 0.08


def test_a_walk_turns_round_in_a_dead_end():
    is_open = np.zeros((3, 7), dtype=bool)
    is_open[1, 1:6] = True
    corridor = Maze(open=is_open, region=np.where(is_open, 0, -1))
    walk = draw_walk(corridor, 400, np.random.default_rng(1))
    x, y = walk.positions.T
    assert x.min() < 2 and x.max() > 5 and (np.abs(y - 1.5) <= 0.15 + 1e-9).all()
    assert len({*np.floor(x).astype(int)}) == 5
    there, back = (np.cos(np.radians(walk.angles)) * sign > 0.9 for sign in (1, -1))
    assert there.mean() > 0.2 and back.mean() > 0.2  # it looks where it goes, not over its shoulder


def test_a_walk_is_a_function_of_its_seed_and_a_longer_one_begins_like_it():
    maze = drawn(2)
    first, again, longer = (
        draw_walk(maze, frames, np.random.default_rng(5)) for frames in (40, 40, 90)
    )
    np.testing.assert_array_equal(first.positions, again.positions)
    np.testing.assert_array_equal(first.angles, longer.angles[:40])
    np.testing.assert_array_equal(first.positions, longer.positions[:40])
    other = draw_walk(maze, 40, np.random.default_rng(6))
    assert not np.array_equal(first.positions, other.positions)


def test_each_region_has_a_look_of_its_own_under_one_ceiling():
    looks = draw_looks(5, np.random.default_rng(0))
    assert len({look.wall for look in looks}) == 5 and len({look.floor for look in looks}) == 5
    assert len({look.ceiling for look in looks}) == 1
    for look in looks:
        assert look.wall in WALLS and look.floor in FLOORS and look.ceiling in CEILINGS
    assert looks == draw_looks(5, np.random.default_rng(0))
    assert looks != draw_looks(5, np.random.default_rng(1))


@pytest.fixture(scope="module")
def a_map():
    maze = drawn(7)
    looks = draw_looks(maze.regions, np.random.default_rng(7))
    walk = Walk(positions=np.array([[1.5, 1.25]]), angles=np.array([359.7]))
    return maze, looks, maze_map(maze, looks, walk)


def test_a_wad_gives_back_its_maps(a_map):
    _, _, text = a_map
    lumps = read_lumps(maps_to_wad({"MAZE0000": text, "MAZE0001": "x"}))
    first = [("MAZE0000", b""), ("TEXTMAP", text.encode()), ("ENDMAP", b"")]
    assert lumps == [*first, ("MAZE0001", b""), ("TEXTMAP", b"x"), ("ENDMAP", b"")]


def test_the_map_has_a_wall_wherever_the_maze_has_one(a_map):
    maze, looks, text = a_map
    blocks = read_map(text)
    sides, vertices = blocks["sidedef"], [(v["x"] / CELL, v["y"] / CELL) for v in blocks["vertex"]]
    assert len(set(vertices)) == len(vertices)
    walls = borders = 0
    for line in blocks["linedef"]:
        (x1, y1), (x2, y2) = vertices[line["v1"]], vertices[line["v2"]]
        assert abs(x1 - x2) + abs(y1 - y2) == 1
        middle = np.array([x1 + x2, y1 + y2]) / 2
        right = np.array([y2 - y1, x1 - x2]) / 2  # a line's front is on its right
        front, back = (tuple(np.floor(middle + way).astype(int)[::-1]) for way in (right, -right))
        side = sides[line["sidefront"]]
        assert maze.open[front] and maze.region[front] == side["sector"]
        if line.get("twosided"):
            assert maze.region[back] == sides[line["sideback"]]["sector"] != side["sector"]
            assert "texturemiddle" not in side and "blocking" not in line
            borders += 1
        else:
            assert not maze.open[back] and line["blocking"] is True and "sideback" not in line
            assert side["texturemiddle"] == looks[side["sector"]].wall
            walls += 1
    between = [(a, b) for a in maze.cells() for b in maze.neighbours(a)]
    assert walls == 4 * len(maze.cells()) - len(between)
    assert borders == sum(maze.region[a] < maze.region[b] for a, b in between) > 0
    assert [(s["texturefloor"], s["textureceiling"]) for s in blocks["sector"]] == [
        (look.floor, look.ceiling) for look in looks
    ]


def test_the_player_starts_where_the_walk_does(a_map):
    (start,) = read_map(a_map[2])["thing"]
    assert (start["x"], start["y"], start["angle"], start["type"]) == (192.0, 160.0, 360, 1)
    assert all(start[f"skill{skill}"] is True for skill in range(1, 6)) and start["single"] is True
