"""A manifest on disk: JSON that holds its own SHA-256, so that no change goes unnoticed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TypeVar

from dlh.data.clips import DataError
from dlh.data.store.shards import sync_folder, write_durably
from dlh.settings import SettingsError, from_plain

FORMAT = "dlh-manifest"
VERSION = 1

AnyManifest = TypeVar("AnyManifest")
_MAKE = "make one with `dlh data manifest STORE`"


def check_numbers(**numbers: int) -> None:
    """Raise :class:`DataError` for a number of frames or clips that is not at least 1."""
    for name, value in numbers.items():
        if value < 1:
            raise DataError(f"{name} is at least 1, found {value}")


def canonical(plain: object) -> str:
    """The one text of these values: sorted names, no spaces, ASCII."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(plain: object) -> str:
    """SHA-256 of the canonical text, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(plain).encode("ascii")).hexdigest()


def write(path: Path, plain: dict) -> None:
    """Writes the values with their digest, as a whole or not at all; an old file is replaced.

    Raises:
        DataError: it cannot be written.
    """
    about = {"format": FORMAT, "version": VERSION, "sha256": digest(plain)}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        try:
            write_durably(unfinished, json.dumps(about | plain, indent=1) + "\n")
            os.replace(unfinished, path)
            sync_folder(path.parent)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error


def read(path: Path) -> dict:
    """The values that :func:`write` was given.

    Raises:
        DataError: there is no such file, it is something else, of a newer version, or not what was
            written.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        written = {key: plain.pop(key) for key in ("format", "version", "sha256")}
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise DataError(f"{path} is not a manifest of clips; {_MAKE}") from None
    if written["format"] != FORMAT or type(written["version"]) is not int:
        raise DataError(
            f"{path} is not a manifest of clips: it says {written['format']!r}; {_MAKE}"
        )
    if written["version"] > VERSION:
        raise DataError(
            f"{path} is of version {written['version']} and this dlh reads up to version "
            f"{VERSION}; update dlh"
        )
    if (found := digest(plain)) != written["sha256"]:
        raise DataError(
            f"{path} was changed after it was made: its SHA-256 is {found[:12]}... and it says "
            f"{str(written['sha256'])[:12]}...; {_MAKE}"
        )
    return plain


def parse(kind: type[AnyManifest], plain: dict, path: Path) -> AnyManifest:
    """Values to a manifest; :class:`DataError` where they are not one."""
    try:
        return from_plain(kind, plain)
    except SettingsError as error:
        raise DataError(f"{path} is not a manifest of clips: {error}; {_MAKE}") from None
