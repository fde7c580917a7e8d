"""The part of a file that has been downloaded so far, from which the next attempt continues."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from dlh.data.clips import DataError
from dlh.files.writing import put_in_place


@dataclass(frozen=True, kw_only=True)
class Version:
    """Which version of a file a server sends, as far as its headers tell.

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
        """The value of ``If-Range``; None where the server does not identify the version."""
        if self.etag is not None and not self.etag.startswith("W/"):
            return self.etag
        return self.modified


class Partial:
    """``FILE.part``, the beginning of a file.

    If the SHA-256 of the whole file is known, the parts may come from any mirrors. Otherwise only
    bytes of the same version from one mirror are joined; ``FILE.part.json`` records which.

    Args:
        path: of ``FILE.part``.
        has_sha256: whether the SHA-256 of the whole file is known.
    """

    def __init__(self, path: Path, *, has_sha256: bool) -> None:
        self.path = path
        self._version_file = path.with_name(path.name + ".json")
        self._has_sha256 = has_sha256

    @property
    def size(self) -> int:
        """Bytes downloaded so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def version(self) -> Version | None:
        """The version that this is the beginning of; None if it is not recorded."""
        try:
            return Version(**json.loads(self._version_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def can_continue_from(self, url: str) -> bool:
        """Whether bytes of this mirror may be appended."""
        known = self.version
        same = known is not None and known.url == url and known.validator() is not None
        return self.size > 0 and (self._has_sha256 or same)

    def is_of(self, version: Version) -> bool:
        """Whether bytes of this version may be appended."""
        return self._has_sha256 or self.version == version

    def restart(self, version: Version) -> None:
        """Discards the bytes; the next ones are of this version."""
        with self._write_errors():
            self.discard()
            if not self._has_sha256:
                self._version_file.write_text(json.dumps(asdict(version)), encoding="utf-8")
            self.path.touch()

    def append(self, chunks: Iterable[bytes]) -> Iterator[int]:
        """Writes each chunk at the end, at once; yields its number of bytes."""
        with self._write_errors(), open(self.path, "ab") as file:
            for chunk in chunks:
                file.write(chunk)
                file.flush()
                yield len(chunk)

    def check_room(self, more: int) -> None:
        """Raises :class:`DataError` if the disk lacks room for so many bytes more."""
        free = shutil.disk_usage(self.path.parent).free
        if free < more:
            raise DataError(
                f"{self.path.parent} has {free:,} bytes free and the download needs {more:,} more; "
                "free some space or choose another folder",
                code="no-space",
            )

    def discard(self) -> None:
        """Removes the bytes."""
        self.path.unlink(missing_ok=True)
        self._version_file.unlink(missing_ok=True)

    def finish(self, path: Path) -> None:
        """Gives the file its name, durably and at once."""
        with self._write_errors():
            put_in_place(self.path, path)
            self._version_file.unlink(missing_ok=True)

    @contextmanager
    def _write_errors(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"{self.path} could not be written: {error.strerror or error}; the {self.size:,} "
                "bytes downloaded so far are kept for the next attempt (delete the file to free "
                "the space)"
            ) from None
