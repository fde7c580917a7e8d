"""WAD files read back."""

from __future__ import annotations

import re
import struct

HEADER, ENTRY = struct.Struct("<4sii"), struct.Struct("<ii8s")


def read_lumps(wad: bytes) -> list[tuple[str, bytes]]:
    """(name, content) of every lump of a WAD file, in order."""
    kind, count, offset = HEADER.unpack_from(wad)
    assert kind in (b"PWAD", b"IWAD")
    lumps = []
    for number in range(count):
        start, length, name = ENTRY.unpack_from(wad, offset + number * ENTRY.size)
        assert start + length <= len(wad)
        lumps.append((name.rstrip(b"\0").decode("ascii"), wad[start : start + length]))
    return lumps


def read_map(text: str) -> dict[str, list[dict[str, object]]]:
    """The blocks of a UDMF text by their kind ("linedef", ...)."""
    blocks: dict[str, list[dict[str, object]]] = {}
    for kind, body in re.findall(r"(\w+)\s*\{([^}]*)\}", text):
        fields = re.findall(r"(\w+)\s*=\s*([^;]+);", body)
        blocks.setdefault(kind, []).append({name: _read_value(value) for name, value in fields})
    return blocks


def _read_value(text: str) -> object:
    if text.startswith('"'):
        return text.strip('"')
    if text in ("true", "false"):
        return text == "true"
    return float(text) if "." in text else int(text)
