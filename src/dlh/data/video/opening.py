"""The first bytes of a file, by which its format is recognised."""

from __future__ import annotations

from pathlib import Path

from dlh.data.clips import DataError


def first_bytes(path: Path, count: int) -> bytes:
    """Up to ``count`` bytes from the beginning of a file, at least one.

    Raises:
        DataError: there is no such file, it is a folder or a pipe, cannot be read, or is empty.
    """
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise DataError(f"{path} is not a file")
    try:
        with open(path, "rb") as file:
            head = file.read(count)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if not head:
        raise DataError(f"{path} is empty (0 bytes)")
    return head
