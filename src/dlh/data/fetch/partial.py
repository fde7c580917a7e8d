"""What has come so far of a download, so that the next one goes on from there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from dlh.data.clips import DataError
from dlh.data.store.shards import sync_folder


@dataclass(frozen=True, kw_only=True)
class Version:
    """Which version of a file a server sends, as far as it says.

    Attributes:
        url: the mirror.
        etag: the server's name of the version.
        modified: when the file was last changed, as the server writes it.
        total: bytes of the whole file.
    """

    url: str
    etag: str | None
    modified: str | None
    total: int | None

    def validator(self) -> str | None:
        """What ``If-Range`` takes; None where the server names no version in a reliable way."""
        if self.etag is not None and not self.etag.startswith("W/"):
            return self.etag
        return self.modified


class Partial:
    """``FILE.part``, the beginning of a file.

    Where a SHA-256 will judge the whole, the parts may come from any mirrors. Elsewhere only bytes
    of the same version of one mirror may be joined: ``FILE.part.json`` says which.

    Args:
        path: of ``FILE.part``.
        judged: whether the SHA-256 of the whole is known.
    """

    def __init__(self, path: Path, *, judged: bool) -> None:
        self.path = path
        self._origin_file = path.with_name(path.name + ".json")
        self._judged = judged

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return self.path.stat().st_size if self.path.exists() else 0

    def origin(self) -> Version | None:
        """Of which version it is the beginning; None if that is not known."""
        try:
            return Version(**json.loads(self._origin_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def may_continue(self, url: str) -> bool:
        """Whether bytes of this mirror may be joined to what is here."""
        if self._judged:
            return self.size > 0
        origin = self.origin()
        return (
            self.size > 0
            and origin is not None
            and origin.url == url
            and origin.validator() is not None
        )

    def fits(self, version: Version) -> bool:
        """Whether a server still sends the version that is here."""
        origin = self.origin()
        return self._judged or (origin is not None and origin == version)

    def restart(self, version: Version) -> None:
        """Forgets what came; what comes now is of this version."""
        with _writing(self):
            self.discard()
            if not self._judged:
                self._origin_file.write_text(json.dumps(asdict(version)), encoding="utf-8")
            self.path.touch()

    def open(self) -> IO[bytes]:
        """For :meth:`append`. Unbuffered: a disk that is full is met there, not at the end."""
        with _writing(self):
            return open(self.path, "ab", buffering=0)

    def append(self, file: IO[bytes], data: bytes) -> None:
        """Writes at the end."""
        rest = memoryview(data)
        with _writing(self):
            while rest:  # an unbuffered write may take a part only
                rest = rest[file.write(rest) :]

    def needs_room(self, more: int) -> None:
        """Raises if the disk has no room for so many bytes more."""
        free = shutil.disk_usage(self.path.parent).free
        if free < more:
            raise DataError(
                f"{self.path.parent} has {free:,} bytes free, and {more:,} are still to come; make "
                "room, or choose another folder"
            )

    def discard(self) -> None:
        """Removes what came."""
        self.path.unlink(missing_ok=True)
        self._origin_file.unlink(missing_ok=True)

    def finish(self, path: Path) -> None:
        """Makes it the file, at once and for certain."""
        with _writing(self):
            with open(self.path, "r+b") as file:
                os.fsync(file.fileno())
            os.replace(self.path, path)
            self._origin_file.unlink(missing_ok=True)
            sync_folder(path.parent)


def version_of(url: str, headers: Mapping[str, str], total: int | None) -> Version:
    """What the headers of an answer say."""
    return Version(
        url=url, etag=headers.get("ETag"), modified=headers.get("Last-Modified"), total=total
    )


class _writing:  # noqa: N801, RUF100  (reads as a verb)
    """Errors of writing, in words: what came is kept."""

    def __init__(self, part: Partial) -> None:
        self._part = part

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            path = self._part.path
            raise DataError(
                f"{path} could not be written: {error.strerror or error}; the {self._part.size:,} "
                "bytes that came are kept, and the next attempt goes on from there (remove them to "
                "have the room back)"
            ) from None
