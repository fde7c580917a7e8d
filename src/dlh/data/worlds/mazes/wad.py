"""Mazes as maps of the Doom engine: a WAD file with UDMF maps, written and read back."""

from __future__ import annotations

import re
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
    text = _Text()
    (x, y), angle = CELL * start.positions[0], start.angles[0]
    text.add(
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
            text.add("sidedef", {"sector": region} | _texture(looks[region].wall, wall))
            sides += 1
            if wall:
                line["blocking"] = True
            else:
                line |= {"sideback": sides, "twosided": True}
                text.add("sidedef", {"sector": int(maze.region[place])})
                sides += 1
            text.add("linedef", line)
    for row, column in vertices:
        text.add("vertex", {"x": float(CELL * column), "y": float(CELL * row)})
    for look in looks:
        text.add(
            "sector",
            {
                "heightfloor": 0,
                "heightceiling": CELL,
                "texturefloor": look.floor,
                "textureceiling": look.ceiling,
                "lightlevel": _LIGHT,
            },
        )
    return text.text()


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


def read_lumps(wad: bytes) -> list[tuple[str, bytes]]:
    """(name, content) of every lump of a WAD file, in order.

    Raises:
        ValueError: it is none, or is cut off.
    """
    try:
        kind, count, offset = _HEADER.unpack_from(wad)
        if kind not in (b"PWAD", b"IWAD"):
            raise ValueError(f"a WAD file begins with PWAD or IWAD, found {kind!r}")
        lumps = []
        for number in range(count):
            start, length, name = _ENTRY.unpack_from(wad, offset + number * _ENTRY.size)
            if start + length > len(wad):
                raise ValueError(f"the WAD file is cut off: lump {number} ends behind its end")
            lumps.append((name.rstrip(b"\0").decode("ascii"), wad[start : start + length]))
    except struct.error:
        raise ValueError(f"the WAD file is cut off: it has {len(wad)} bytes") from None
    return lumps


def read_map(text: str) -> dict[str, list[dict[str, object]]]:
    """The blocks of a UDMF text by their kind ("linedef", ...), as :func:`maze_map` writes it."""
    blocks: dict[str, list[dict[str, object]]] = {}
    for kind, body in re.findall(r"(\w+)\s*\{([^}]*)\}", text):
        fields = re.findall(r"(\w+)\s*=\s*([^;]+);", body)
        blocks.setdefault(kind, []).append({name: _read_value(value) for name, value in fields})
    return blocks


class _Text:
    """Blocks of a UDMF text; the number of one is its place among those of its kind."""

    def __init__(self) -> None:
        self._lines = ['namespace = "zdoom";']

    def add(self, kind: str, fields: Mapping[str, object]) -> None:
        body = " ".join(f"{name} = {_write_value(value)};" for name, value in fields.items())
        self._lines.append(f"{kind} {{ {body} }}")

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"


def _texture(name: str, wall: bool) -> dict[str, object]:
    return {"texturemiddle": name} if wall else {}


def _write_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _read_value(text: str) -> object:
    if text.startswith('"'):
        return text.strip('"')
    if text in ("true", "false"):
        return text == "true"
    return float(text) if "." in text else int(text)
