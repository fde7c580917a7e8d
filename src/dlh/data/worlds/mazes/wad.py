"""Mazes as maps of the Doom engine: a WAD file with UDMF maps."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from dlh.data.worlds.mazes.maze import Maze, Walk
from dlh.data.worlds.mazes.maze_looks import Look

CELL = 128  # units of the engine; the height of most of its wall textures too
_HEADER = struct.Struct("<4sii")
_ENTRY = struct.Struct("<ii8s")
_PLAYER_START = 1
_LIGHT = 224  # of 255: what is far away is a little darker


def maze_map(maze: Maze, looks: Sequence[Look], start: Walk) -> str:
    """The text of a UDMF map (its lump TEXTMAP): cell (row, column) is the square from
    (column, row) to (column + 1, row + 1), times :data:`CELL`.

    Args:
        looks: of each region.
        start: the player stands where this walk begins.
    """
    lines = ['namespace = "zdoom";']

    def add(kind: str, fields: Mapping[str, object]) -> None:
        body = " ".join(f"{name} = {_write_value(value)};" for name, value in fields.items())
        lines.append(f"{kind} {{ {body} }}")

    (x, y), angle = CELL * start.positions[0], start.angles[0]
    add(
        "thing",
        {"x": float(round(x)), "y": float(round(y)), "angle": round(angle), "type": _PLAYER_START}
        | {f"skill{skill}": True for skill in range(1, 6)}
        | {"single": True},
    )
    sides = 0
    vertices: dict[tuple[int, int], int] = {}
    for row, column in maze.cells():
        # Clockwise, so that the cell is on the right, which is a line's front.
        corners = ((row, column), (row + 1, column), (row + 1, column + 1), (row, column + 1))
        beside = ((row, column - 1), (row + 1, column), (row, column + 1), (row - 1, column))
        region = int(maze.region[row, column])
        for number, place in enumerate(beside):
            wall = not maze.open[place]
            # Between two regions a line belongs to both; only the lower one of them writes it.
            if not wall and maze.region[place] <= region:
                continue
            ends = [
                vertices.setdefault(corner, len(vertices))
                for corner in (corners[number], corners[(number + 1) % 4])
            ]
            line: dict[str, object] = {"v1": ends[0], "v2": ends[1], "sidefront": sides}
            texture = {"texturemiddle": looks[region].wall} if wall else {}
            add("sidedef", {"sector": region} | texture)
            sides += 1
            if wall:
                line["blocking"] = True
            else:
                line |= {"sideback": sides, "twosided": True}
                add("sidedef", {"sector": int(maze.region[place])})
                sides += 1
            add("linedef", line)
    for row, column in vertices:
        add("vertex", {"x": float(CELL * column), "y": float(CELL * row)})
    for look in looks:
        heights: dict[str, object] = {"heightfloor": 0, "heightceiling": CELL}
        textures = {"texturefloor": look.floor, "textureceiling": look.ceiling}
        add("sector", heights | textures | {"lightlevel": _LIGHT})
    return "\n".join(lines) + "\n"


def maps_to_wad(maps: Mapping[str, str]) -> bytes:
    """A patch WAD of UDMF maps, from their names (MAP01, ...) to their texts.

    The engine builds the search trees of a map itself when it loads it.
    """
    lumps: list[tuple[str, bytes]] = []
    for name, text in maps.items():
        lumps += [(name, b""), ("TEXTMAP", text.encode("ascii")), ("ENDMAP", b"")]
    content = b"".join(lump for _, lump in lumps)
    entries, offset = [], _HEADER.size
    for name, lump in lumps:
        entries.append(_ENTRY.pack(offset, len(lump), name.encode("ascii")))
        offset += len(lump)
    return _HEADER.pack(b"PWAD", len(lumps), offset) + content + b"".join(entries)


def _write_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)
