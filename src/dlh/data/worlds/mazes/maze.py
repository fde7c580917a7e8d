"""Random mazes and walks through them, before anything is drawn; in units of one cell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
_LOOP_PROBABILITY = 0.12  # of a wall between two corridors to be open beyond what connects them
_ROOMS = (1, 4)  # fewest and (not reached) most, before they overlap
_REGIONS = (3, 6)

# Found by looking: a corridor passes in about 9 frames, a corner takes 6.
_SPEED = 0.115  # cells a frame, straight on
_ACCELERATION = 0.03
_TURN = 14.0  # degrees a frame at most
_TURN_CHANGE = 5.0
_LOOK_AHEAD = 0.3  # cells: one turns before the corner
_SWAY = 1.5  # degrees that the gaze wanders from frame to frame
_AVOID_WALLS = 0.15  # cells off the middle of a corridor, at most
_CURVE_POINTS = 16


@dataclass(frozen=True, kw_only=True)
class Maze:
    """A maze on a square grid.

    Attributes:
        open: where one can walk, bool (row, column); the border is closed.
        region: which part of the maze a cell is in, from 0 without a gap, int (row, column); -1 in
            walls. Parts look different.
    """

    open: np.ndarray
    region: np.ndarray

    @property
    def regions(self) -> int:
        """How many parts there are."""
        return int(self.region.max()) + 1

    def cells(self) -> list[tuple[int, int]]:
        """(row, column) of everything open."""
        return [(int(row), int(column)) for row, column in np.argwhere(self.open)]

    def neighbours(self, cell: tuple[int, int]) -> list[tuple[int, int]]:
        """The open cells beside an open cell."""
        row, column = cell
        beside = ((row + down, column + right) for down, right in _STEPS)
        return [place for place in beside if self.open[place]]


@dataclass(frozen=True, kw_only=True)
class Walk:
    """Where the eye is at each frame.

    Attributes:
        positions: (x, y) with x along columns and y along rows, float64 (frame, 2); cell (r, c)
            is x in [c, c + 1), y in [r, r + 1).
        angles: of the gaze, degrees from the x axis towards the y axis, in [0, 360), (frame,).
    """

    positions: np.ndarray
    angles: np.ndarray


def draw_maze(random: np.random.Generator, *, size: int = 11) -> Maze:
    """Corridors that connect everything, some loops, a few rooms.

    Args:
        size: cells along a side, with the border; odd, at least 5.
    """
    assert size >= 5 and size % 2 == 1, size
    is_open = np.zeros((size, size), dtype=bool)
    _carve_corridors(is_open, random)
    inner = is_open[1:-1, 1:-1]
    between = np.add.outer(np.arange(size - 2), np.arange(size - 2)) % 2 == 1
    inner |= between & (random.random(inner.shape) < _LOOP_PROBABILITY)
    for _ in range(random.integers(*_ROOMS)):
        row, column = 1 + 2 * random.integers(size // 2 - 1, size=2)
        is_open[row : row + 3, column : column + 3] = True
    return Maze(open=is_open, region=_draw_regions(is_open, random))


def draw_walk(maze: Maze, frames: int, random: np.random.Generator) -> Walk:
    """A walk that explores: it goes on to the cells beside it that it saw least, turns back in dead
    ends only, and never stands still with a still gaze.

    The way is a smooth curve within the open cells. Speed and gaze have inertia; who has to turn
    much slows down.
    """
    curve = _Curve(maze, random)
    angle = curve.direction(_LOOK_AHEAD)
    distance = speed = turn = sway = 0.0
    positions, angles = np.empty((frames, 2)), np.empty(frames)
    for frame in range(frames):
        positions[frame], angles[frame] = curve.position(distance), angle % 360
        sway = 0.9 * sway + random.normal(0, _SWAY)
        error = turned(curve.direction(distance + _LOOK_AHEAD) + sway - angle)
        turn += np.clip(np.clip(0.4 * error, -_TURN, _TURN) - turn, -_TURN_CHANGE, _TURN_CHANGE)
        angle += turn
        wanted = _SPEED * max(0.0, math.cos(math.radians(error))) ** 2
        speed += np.clip(wanted - speed, -_ACCELERATION, _ACCELERATION)
        distance += speed
    return Walk(positions=positions, angles=angles)


class _Curve:
    """The way as a chain of short straight pieces, made as far as it is asked for.

    It is a quadratic B-spline whose control points lie near the centres of the cells on the way: it
    stays within the triangles that three neighbouring ones span, and so off the walls.
    """

    def __init__(self, maze: Maze, random: np.random.Generator) -> None:
        self._maze = maze
        self._random = random
        cells = maze.cells()
        self._cell = self._last = cells[random.integers(len(cells))]
        self._visits = dict.fromkeys(cells, 0)
        self._control = [self._near(self._cell)]
        self._points = [self._control[0]]
        self._lengths = [0.0]

    def position(self, distance: float) -> np.ndarray:
        piece = self._piece(distance)
        start, end = self._lengths[piece], self._lengths[piece + 1]
        share = (distance - start) / (end - start)
        return (1 - share) * self._points[piece] + share * self._points[piece + 1]

    def direction(self, distance: float) -> float:
        """Degrees."""
        piece = self._piece(distance)
        x, y = self._points[piece + 1] - self._points[piece]
        return math.degrees(math.atan2(y, x))

    def _piece(self, distance: float) -> int:
        while self._lengths[-1] <= distance:
            self._extend()
        return int(np.searchsorted(self._lengths, distance, side="right")) - 1

    def _extend(self) -> None:
        self._visits[self._cell] += 1
        beside = self._maze.neighbours(self._cell)
        onward = [cell for cell in beside if cell != self._last]
        if onward:
            fewest = min(self._visits[cell] for cell in onward)
            least = [cell for cell in onward if self._visits[cell] == fewest]
            self._last, self._cell = self._cell, least[self._random.integers(len(least))]
        else:  # a dead end: right into it, and back
            self._add(self._control[-1])
            self._last, self._cell = self._cell, self._last
        self._add(self._near(self._cell))

    def _add(self, control: np.ndarray) -> None:
        self._control.append(control)
        if len(self._control) < 3:
            return
        first, middle, last = self._control[-3:]
        start, end = (first + middle) / 2, (middle + last) / 2
        for t in np.arange(1, _CURVE_POINTS + 1) / _CURVE_POINTS:
            point = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
            length = math.dist(point, self._points[-1])
            if length > 1e-9:
                self._points.append(point)
                self._lengths.append(self._lengths[-1] + length)

    def _near(self, cell: tuple[int, int]) -> np.ndarray:
        row, column = cell
        return np.array([column, row]) + 0.5 + self._random.uniform(-1, 1, 2) * _AVOID_WALLS


def turned(angle: float) -> float:
    """The same angle in [-180, 180)."""
    return (angle + 180) % 360 - 180


def _carve_corridors(is_open: np.ndarray, random: np.random.Generator) -> None:
    """A spanning tree of the cells with odd coordinates, by a walk that goes back where it is
    stuck: long corridors, few dead ends.
    """
    size = len(is_open)
    row, column = 1 + 2 * random.integers(size // 2, size=2)
    is_open[row, column] = True
    way = [(int(row), int(column))]
    while way:
        row, column = way[-1]
        free = [
            (down, right)
            for down, right in _STEPS
            if 0 < row + 2 * down < size
            and 0 < column + 2 * right < size
            and not is_open[row + 2 * down, column + 2 * right]
        ]
        if not free:
            way.pop()
            continue
        down, right = free[random.integers(len(free))]
        is_open[row + down, column + right] = True
        is_open[row + 2 * down, column + 2 * right] = True
        way.append((row + 2 * down, column + 2 * right))


def _draw_regions(is_open: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Every open cell belongs to the nearest of a few open cells."""
    cells = np.argwhere(is_open)
    centres = random.choice(cells, size=random.integers(*_REGIONS), replace=False)
    distances = np.abs(cells[:, None] - centres[None]).sum(axis=-1)
    region = np.full(is_open.shape, -1)
    region[is_open] = distances.argmin(axis=1)
    return region
