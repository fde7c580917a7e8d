"""A file that can be downloaded: its name, its mirrors, and how to recognise it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dlh.data.clips import DataError
from dlh.data.reading import reading


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A file that can be downloaded.

    Attributes:
        file: its name, without a folder.
        mirrors: http(s) addresses, in the order in which they are tried. Without any, the file can
            only be put in place by hand.
        sha256: of its content; None where nobody has published or measured it.
        size: in bytes; None where it is not known.
    """

    file: str
    mirrors: tuple[str, ...]
    sha256: str | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        if self.file in ("", ".", "..") or re.search(r"[/\\:\0]", self.file):
            raise DataError(f"{self.file!r} is not a file name; it must not contain a folder")
        for url in self.mirrors:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise DataError(f"{url!r} is not a download address; use http:// or https://")
        if self.sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise DataError(f"{self.sha256!r} is not a SHA-256: expected 64 digits, 0-9 and a-f")
        if self.size is not None and self.size < 1:
            raise DataError(f"a file to download has at least 1 byte, found size {self.size}")

    def mismatch(self, path: Path) -> str | None:
        """How a complete file differs from this one; None if it does not."""
        size = path.stat().st_size
        if self.sha256 is not None and (found := sha256_of(path)) != self.sha256:
            sizes = "" if self.size in (None, size) else f" ({size:,} bytes, not {self.size:,})"
            return f"SHA-256 {found}, expected {self.sha256}{sizes}"
        if self.size is not None and size != self.size:
            return f"{size:,} bytes, expected {self.size:,}"
        return "0 bytes" if size == 0 else None


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits.

    Raises:
        DataError: the file cannot be read.
    """
    with reading(path), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
