"""Files fetched from the first mirror that really has them, verified, and never half there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dlh.data.clips import DataError
from dlh.data.fetch.mirror import CONNECT_SECONDS, READ_SECONDS, Refusal, receive_whole
from dlh.data.fetch.partial import Partial
from dlh.files.claim import claim

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A file that can be downloaded.

    Attributes:
        file: its name, without a folder.
        mirrors: http(s) addresses, in the order in which they are tried. There may be none: then
            the file can only be put there by hand.
        sha256: of its content; None where nobody has published or measured it.
        size: in bytes; None where it is not known.
    """

    file: str
    mirrors: tuple[str, ...]
    sha256: str | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        if self.file in ("", ".", "..") or re.search(r"[/\\:\0]", self.file):
            raise DataError(f"{self.file!r} is no name of a file; a name has no folder in it")
        for url in self.mirrors:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise DataError(
                    f"{url!r} is not an address to download from; it begins with http:// or https://"
                )
        if self.sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise DataError(f"{self.sha256!r} is no SHA-256; it has 64 digits, 0-9 and a-f")
        if self.size is not None and self.size < 1:
            raise DataError(
                f"a file of {self.size} bytes is not downloaded; its size is at least 1"
            )

    def problem(self, path: Path) -> str | None:
        """What is wrong with a whole file that should be this one; None if nothing is."""
        size = path.stat().st_size
        if self.sha256 is not None and (found := sha256_of(path)) != self.sha256:
            sizes = "" if self.size in (None, size) else f" ({size:,} bytes, not {self.size:,})"
            return f"SHA-256 {found}, expected {self.sha256}{sizes}"
        if self.size is not None and size != self.size:
            return f"{size:,} bytes, expected {self.size:,}"
        return "0 bytes" if size == 0 else None


def fetch(
    remote: Remote, folder: str | Path, *, progress: Callable[[int, int | None], None] | None = None
) -> Path:
    """The file in ``folder``: the one that is there already, or else downloaded.

    An interrupted download leaves ``FILE.part`` and goes on from there. The file appears under its
    name only when all of it has come and its SHA-256 and size, where known, are right; where no
    SHA-256 is known, :func:`sha256_of` says what came. Two processes that want the same file
    download it once.

    Args:
        progress: is told the bytes so far and the bytes in all, None where no server says.

    Raises:
        DataError: another file of that name is in ``folder`` (it is left alone), no mirror gives
            the file (all are listed with the reason), or it cannot be written.
    """
    path = Path(folder) / remote.file
    if _is_there(remote, path):
        return path
    with claim(path, wait=True):
        if not _is_there(remote, path):  # the process that we waited for may have fetched it
            _download(remote, path, progress or (lambda done, total: None))
    return path


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None


def _is_there(remote: Remote, path: Path) -> bool:
    try:
        if not path.exists():
            return False
        if not path.is_file():
            raise DataError(
                f"{path} is not a file; move it out of the way of the file of that name"
            )
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    problem = remote.problem(path)
    if problem is not None:
        raise DataError(
            f"{path} is another file than the one wanted: it has {problem}. Put the right one in "
            "its place, or remove or rename it to have the right one downloaded"
        )
    return True


def _download(remote: Remote, path: Path, progress: Progress) -> None:
    import httpx2

    part = Partial(path.with_name(path.name + ".part"), judged=remote.sha256 is not None)
    if remote.size is not None and part.size > remote.size:
        part.discard()
    origin = part.origin()
    # First the mirror that what is here came from: elsewhere it may be of no use.
    mirrors = sorted(remote.mirrors, key=lambda url: origin is None or url != origin.url)
    reasons: list[str] = []
    try:
        client = httpx2.Client(
            follow_redirects=True,
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            # A server may close an idle connection just when it is used again.
            limits=httpx2.Limits(max_keepalive_connections=0),
            # A compressed transfer could not be continued.
            headers={"User-Agent": "dlh", "Accept-Encoding": "identity"},
        )
    except (ImportError, ValueError) as error:  # a proxy that is not understood
        raise DataError(f"{remote.file} cannot be downloaded: {error}") from None
    with client:
        for url in mirrors:
            try:
                receive_whole(client, url, remote, part, progress)
            except Refusal as reason:
                reasons.append(f"  {url} {reason}")
            else:
                part.finish(path)
                return
    raise DataError("\n".join([_headline(remote, path.parent, part), *reasons]))


def _headline(remote: Remote, folder: Path, part: Partial) -> str:
    if not remote.mirrors:
        text = f"{remote.file} is not in {folder}, and nowhere to be downloaded from"
    elif part.size:
        text = f"{remote.file} could not be downloaded ({part.size:,} bytes came and are kept)"
    else:
        text = f"{remote.file} could not be downloaded"
    digest = "" if remote.sha256 is None else f", SHA-256 {remote.sha256}"
    end = ":" if remote.mirrors else ""
    return f"{text}; try again later, or put it into {folder} by hand ({remote.file}{digest}){end}"
