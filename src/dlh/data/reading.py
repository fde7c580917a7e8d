"""Reading files that may be missing, closed to us or damaged."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dlh.data.clips import DataError


@contextmanager
def reading(path: str | Path) -> Generator[None]:
    """Within it an OSError becomes a :class:`DataError` that names the path and the reason."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


def first_bytes(path: Path, count: int) -> bytes:
    """Up to ``count`` bytes from the beginning of a file, at least one: they tell its format.

    Raises:
        DataError: there is no such file, it is a folder or a pipe, cannot be read, or is empty.
    """
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise DataError(f"{path} is not a file")
    with reading(path), open(path, "rb") as file:
        head = file.read(count)
    if not head:
        raise DataError(f"{path} is empty (0 bytes)")
    return head
