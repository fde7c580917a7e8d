"""The published files of a data set: fetched and unpacked, unless they are in place already."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from dlh.data.clips import DataError
from dlh.data.fetch.archive import extract
from dlh.data.fetch.download import fetch
from dlh.data.fetch.remote import Remote, sha256_of
from dlh.data.published.data_set import DataSet, Part
from dlh.data.store.discover import Found
from dlh.files.writing import os_errors_as, put_in_place

# How much an archive may hold: videos are packed already, so that more than this is no data set.
_MOST_TIMES_LARGER = 20
_LEAST_LIMIT = 2**30


class Watcher(Protocol):
    """Shows progress: ``with watch("fetching", "a.zip") as tell: tell(done, all)``."""

    def __call__(
        self, doing: str, what: str
    ) -> AbstractContextManager[Callable[[int, int | None], None]]: ...


def missing_parts(data_set: DataSet, found: Found, folder: Path) -> list[Part]:
    """The parts that lack files, or whose download was interrupted."""
    names = [source.name for source in found.sources]
    return [
        part
        for part in data_set.parts
        if _unfinished(part, folder).exists()
        or not all(any(piece in name for name in names) for piece in part.gives)
    ]


def obtain(part: Part, folder: Path, *, watch: Watcher) -> dict[str, str]:
    """Fetches the files of a part, unless they are in ``folder`` already, and unpacks archives.

    The files get their place, ``folder/part.name``, when all are complete. Archives stay in
    ``folder``.

    Returns the SHA-256 of each file.

    Raises:
        DataError: no mirror gives a file, one is another than the one wanted, is no archive, or
            cannot be written.
    """
    place, unfinished = folder / part.name, _unfinished(part, folder)
    checksums: dict[str, str] = {}
    for remote in part.remotes:
        path = fetch_one(remote, folder if part.archive else unfinished, watch=watch)
        checksums[remote.file] = remote.sha256 or sha256_of(path)
        if part.archive:
            limit = max(_LEAST_LIMIT, _MOST_TIMES_LARGER * path.stat().st_size)
            with watch("unpacking", remote.file) as tell:
                extract(path, unfinished, limit_bytes=limit, progress=tell)
    with os_errors_as(DataError, f"{place} cannot be written"):
        _moved(unfinished, place)
    return checksums


def _unfinished(part: Part, folder: Path) -> Path:
    return folder / f".{part.name}.unfinished"


def _moved(folder: Path, place: Path) -> None:
    if not place.exists():
        put_in_place(folder, place)
    else:
        for file in [path for path in folder.rglob("*") if path.is_file()]:
            to = place / file.relative_to(folder)
            to.parent.mkdir(parents=True, exist_ok=True)
            if not to.exists():  # what somebody brought is left alone
                put_in_place(file, to)
        shutil.rmtree(folder)


def fetch_one(remote: Remote, folder: Path, *, watch: Watcher) -> Path:
    """One file, see :func:`dlh.data.fetch.download.fetch`."""
    with watch("fetching", remote.file) as tell:
        return fetch(remote, folder, progress=tell)
