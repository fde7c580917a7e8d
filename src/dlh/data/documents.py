"""JSON files with a format and a version: the index of a store, and manifests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dlh.data.clips import DataError
from dlh.data.reading import reading


def read_document(path: Path, format: str, version: int, *, code: str, hint: str) -> dict[str, Any]:
    """The values of a file, without its format and version, which are checked.

    Args:
        version: the newest one that can be read.
        code: of the error where the file is something else.
        hint: what to do then.

    Raises:
        DataError: the file cannot be read, is something else, or of a newer version.
    """
    with reading(path):
        content = path.read_bytes()
    try:
        values = json.loads(content)
        found = {key: values.pop(key) for key in ("format", "version")}
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        found = {"format": None, "version": None}
    if found["format"] != format or type(found["version"]) is not int:
        raise DataError(
            f"{path} is of the format {found['format']!r}, expected {format!r}; {hint}", code=code
        )
    if found["version"] > version:
        raise DataError(
            f"{path} is of version {found['version']}, this dlh reads up to version {version}; "
            f"update dlh, or {hint}",
            code="newer-version",
        )
    return values
