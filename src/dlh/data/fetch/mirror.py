"""One mirror: what it answers, and why that may not be the file."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dlh.data.fetch.partial import Partial, Version, version_of
from dlh.errors import DlhError

if TYPE_CHECKING:
    import httpx2

    from dlh.data.fetch.download import Remote

CONNECT_SECONDS = 20.0
READ_SECONDS = 60.0
_ATTEMPTS = 5  # as long as each brings something new


class Refusal(DlhError):
    """Why a mirror does not give the file."""

    code = "refused-download"


class _Cut(Refusal):
    """It ended too early; what came is kept."""


class _Unfit(Refusal):
    """What this mirror sends does not continue what is here."""


def receive_whole(
    client: httpx2.Client,
    url: str,
    remote: Remote,
    part: Partial,
    progress: Callable[[int, int | None], None],
) -> None:
    """Completes the part from one mirror; what is wrong is removed."""
    inherited = part.size > 0  # then a bad whole need not be this mirror's fault
    restarted = False
    reason: Refusal | None = None
    for _ in range(_ATTEMPTS):
        before = part.size
        try:
            if before == 0 or before != remote.size or not part.may_continue(url):
                _receive(client, url, remote, part, progress)
        except _Unfit as unfit:
            part.discard()
            if restarted:
                raise
            inherited, restarted, reason = False, True, unfit
            continue
        except _Cut as cut:
            if part.size <= before:
                raise
            reason = cut
            continue
        problem = remote.problem(part.path)
        if problem is None:
            return
        part.discard()
        reason = Refusal(f"sends another file: it has {problem}")
        if not inherited:
            raise reason
        inherited = False
    assert reason is not None
    raise reason


def _receive(
    client: httpx2.Client,
    url: str,
    remote: Remote,
    part: Partial,
    progress: Callable[[int, int | None], None],
) -> None:
    """One request: appends what comes to the part, from its end where the server can do that."""
    import httpx2

    begin = part.size if part.may_continue(url) else 0
    headers = {}
    if begin:
        headers["Range"] = f"bytes={begin}-"
        origin = part.origin()
        if origin is not None and (validator := origin.validator()) is not None:
            headers["If-Range"] = validator
    answered = False
    try:
        with client.stream("GET", url, headers=headers) as response:
            answered = True
            if response.status_code == 416 and begin:
                if _sizes(response)[1] == begin:
                    return  # all of it has come already
                raise _Unfit(f"cannot go on from byte {begin:,} (416)")
            start, version = _accept(url, response, remote, begin)
            if start and not part.fits(version):
                raise _Unfit("has another version of the file than the one that was begun")
            chunks = _content(response.iter_raw(), sniff=start == 0)
            total = version.total
            if total is not None and remote.size not in (None, total):
                raise Refusal(f"has a file of {total:,} bytes, expected {remote.size:,}")
            if total is not None:
                part.needs_room(total - (start or part.size))
            if not start:
                part.restart(version)
            done, most = start, remote.size if total is None else total
            progress(done, most)
            with part.open() as file:
                for chunk in chunks:
                    done += len(chunk)
                    if most is not None and done > most:
                        part.discard()
                        raise Refusal(f"sends more than the {most:,} bytes of the file")
                    part.append(file, chunk)
                    progress(done, most)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        if not answered:
            raise Refusal(_unreachable(error)) from None
        raise _Cut(
            f"broke off after {part.size:,} bytes ({error or type(error).__name__})"
        ) from None
    if most is not None and done < most:
        raise _Cut(f"broke off after {done:,} of {most:,} bytes")


def _accept(url: str, response: httpx2.Response, remote: Remote, begin: int) -> tuple[int, Version]:
    """From which byte an answer goes on, and the version of the file; refuses what is not it."""
    if response.status_code not in ((200, 206) if begin else (200,)):
        raise Refusal(f"answers {response.status_code} {response.reason_phrase}".rstrip())
    name = PurePosixPath(remote.file.lower())
    kind = response.headers.get("Content-Type", "").lower()
    if kind.startswith(("text/html", "application/xhtml")) and name.suffix not in (".html", ".htm"):
        raise Refusal("sends an HTML page instead of the file")
    coding = response.headers.get("Content-Encoding", "identity").lower()
    if coding != "identity" and name.suffix not in (
        ".gz",
        ".tgz",
    ):  # there the file itself is meant
        raise Refusal(f"sends it packed ({coding}), which was not asked for")
    start, total = _sizes(response)
    if response.status_code == 206 and start != begin:
        raise _Unfit(f"goes on from byte {start}, not from {begin}")
    chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
    if total is None and remote.size is None and remote.sha256 is None and not chunked:
        raise Refusal("does not say how long the file is: that it is whole could not be known")
    return start or 0, version_of(url, response.headers, total)


def _sizes(response: httpx2.Response) -> tuple[int | None, int | None]:
    """First byte and bytes of the whole file, by the headers; None where they do not say."""
    length = response.headers.get("Content-Length", "")
    if response.status_code == 200:
        return 0, int(length) if length.isdecimal() else None
    span = response.headers.get("Content-Range", "").strip()
    found = re.fullmatch(r"bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)", span)
    if found is None:
        return None, None
    first, _, total = found.groups()
    return (None if first is None else int(first)), (None if total == "*" else int(total))


def _content(chunks: Iterator[bytes], *, sniff: bool) -> Iterator[bytes]:
    """The chunks; refuses a page that calls itself a file, before anything is overwritten."""
    head = next(chunks, b"")
    if sniff and re.match(rb"\s*<(!doctype\s+html|html)\b", head[:200], re.IGNORECASE):
        raise Refusal("sends an HTML page instead of the file")
    return itertools.chain([head], chunks)


def _unreachable(error: Exception) -> str:
    import httpx2

    if isinstance(error, httpx2.ConnectTimeout):
        return f"cannot be reached within {CONNECT_SECONDS:g} seconds"
    if isinstance(error, httpx2.TimeoutException):
        return f"does not answer within {READ_SECONDS:g} seconds"
    if isinstance(error, httpx2.ConnectError):
        return f"cannot be reached ({error})"
    return f"gives no answer ({error or type(error).__name__})"
