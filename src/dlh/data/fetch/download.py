"""Downloads: from the first mirror that has the file, verified, resumed after an interruption."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dlh.data.claim import claim
from dlh.data.clips import DataError
from dlh.data.fetch.partial import Partial, Version
from dlh.data.fetch.remote import Remote
from dlh.data.reading import reading

if TYPE_CHECKING:
    import httpx2

Progress = Callable[[int, int | None], None]
"""Receives the bytes so far and the bytes in all; None where no server gives the size."""

_CONNECT_SECONDS = 20.0
_READ_SECONDS = 60.0
_ATTEMPTS = 5  # as long as each brings something new


def fetch(remote: Remote, folder: str | Path, *, progress: Progress | None = None) -> Path:
    """The file in ``folder``: the one already there, else downloaded.

    An interrupted download leaves ``FILE.part`` and continues from it. The file gets its name only
    when it is complete and its SHA-256 and size, where known, are right. Two processes that want
    the same file download it once.

    Args:
        progress: receives the bytes so far and the bytes in all; None where no server gives those.

    Raises:
        DataError: another file of that name is in ``folder`` (it is left alone), no mirror gives
            the file (each is listed with its reason), or the file cannot be written.
    """
    path = Path(folder) / remote.file
    if _is_present(remote, path):
        return path
    with claim(path, wait=True):
        if not _is_present(remote, path):  # another process may have fetched it meanwhile
            _download(remote, path, progress or (lambda done, total: None))
    return path


def _is_present(remote: Remote, path: Path) -> bool:
    with reading(path):
        if not path.exists():
            return False
        problem = remote.mismatch(path) if path.is_file() else "the form of a folder or a device"
    if problem is not None:
        raise DataError(
            f"{path} is not the expected file: it has {problem}. Replace it, or remove or rename "
            "it to download the right one",
            code="unexpected-file",
        )
    return True


def _download(remote: Remote, path: Path, progress: Progress) -> None:
    import httpx2

    part = Partial(path.with_name(path.name + ".part"), has_sha256=remote.sha256 is not None)
    if remote.size is not None and part.size > remote.size:
        part.discard()
    begun = part.version
    # First the mirror that the part came from: others may not be able to continue it.
    mirrors = sorted(remote.mirrors, key=lambda url: begun is None or url != begun.url)
    reasons: list[str] = []
    try:
        client = httpx2.Client(
            follow_redirects=True,
            timeout=httpx2.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS),
            # A server may close an idle connection just when it is used again.
            limits=httpx2.Limits(max_keepalive_connections=0),
            # A compressed transfer could not be continued.
            headers={"User-Agent": "dlh", "Accept-Encoding": "identity"},
        )
    except (ImportError, ValueError) as error:  # a proxy setting that httpx2 cannot use
        raise DataError(f"{remote.file} cannot be downloaded: {error}") from None
    with client:
        for url in mirrors:
            reason = _download_from(client, url, remote, part, progress)
            if reason is None:
                part.finish(path)
                return
            reasons.append(f"  {url} {reason}")
    message = "\n".join([_what_to_do(remote, path.parent, part), *reasons])
    raise DataError(message, code="download-failed")


def _what_to_do(remote: Remote, folder: Path, part: Partial) -> str:
    digest = "" if remote.sha256 is None else f", SHA-256 {remote.sha256}"
    by_hand = f"put it into {folder} by hand ({remote.file}{digest})"
    if not remote.mirrors:
        return f"{remote.file} is not in {folder} and has no download address; {by_hand}"
    kept = f" ({part.size:,} bytes are kept)" if part.size else ""
    return f"{remote.file} could not be downloaded{kept}; try again later, or {by_hand}:"


class _Refusal(Exception):
    """Why a mirror does not give the file."""


class _Cut(_Refusal):
    """The transfer ended early; the bytes that came are kept."""


class _Mismatch(_Refusal):
    """The bytes here and those of this mirror do not make the file."""


def _download_from(
    client: httpx2.Client, url: str, remote: Remote, part: Partial, progress: Progress
) -> str | None:
    """Completes a partial download from one mirror and verifies it.

    Returns why the mirror does not give the file; None if it does. Bytes that are wrong are
    discarded; if some of them came from elsewhere, the mirror is asked once more for all.
    """
    reason: _Refusal | None = None
    for _ in range(_ATTEMPTS):
        before = part.size
        continued = part.can_continue_from(url)
        try:
            if not (continued and before == remote.size):
                _request(client, url, remote, part, progress)
            if (problem := remote.mismatch(part.path)) is None:
                return None
            raise _Mismatch(f"sends another file: it has {problem}")
        except _Cut as cut:
            reason = cut
            if part.size <= before:
                break
        except _Mismatch as mismatch:
            reason = mismatch
            part.discard()
            if not continued:
                break
        except _Refusal as refusal:
            reason = refusal
            break
    return str(reason)


def _request(
    client: httpx2.Client, url: str, remote: Remote, part: Partial, progress: Progress
) -> None:
    """One request: appends what comes, from the end of the part if the server supports that."""
    import httpx2

    begin = part.size if part.can_continue_from(url) else 0
    headers = {}
    if begin:
        headers["Range"] = f"bytes={begin}-"
        if (version := part.version) is not None and (validator := version.validator()):
            headers["If-Range"] = validator
    answered = False
    try:
        with client.stream("GET", url, headers=headers) as response:
            answered = True
            if response.status_code == 416 and begin:
                if _first_and_total(response)[1] == begin:
                    return  # the part is complete already
                raise _Mismatch(f"cannot continue from byte {begin:,} (416)")
            start, version = _check_answer(url, response, remote, begin)
            if start and not part.is_of(version):
                raise _Mismatch("has another version of the file than the one begun")
            chunks = response.iter_raw()
            head = next(chunks, b"")
            if not start and re.match(rb"\s*<(!doctype\s+html|html)\b", head[:200], re.IGNORECASE):
                raise _Refusal("sends an HTML page instead of the file")
            total = version.total
            if total is not None and remote.size not in (None, total):
                raise _Refusal(f"has a file of {total:,} bytes, expected {remote.size:,}")
            if total is not None:
                part.check_room(total - (start or part.size))
            if not start:
                part.restart(version)
            done, most = start, remote.size if total is None else total
            progress(done, most)
            for count in part.append(itertools.chain([head], chunks)):
                done += count
                if most is not None and done > most:
                    part.discard()
                    raise _Refusal(f"sends more than the {most:,} bytes of the file")
                progress(done, most)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        if not answered:
            raise _Refusal(_unreachable(error)) from None
        reason = str(error) or type(error).__name__
        raise _Cut(f"broke off after {part.size:,} bytes ({reason})") from None
    if most is not None and done < most:
        raise _Cut(f"broke off after {done:,} of {most:,} bytes")


def _check_answer(
    url: str, response: httpx2.Response, remote: Remote, begin: int
) -> tuple[int, Version]:
    """The first byte that an answer sends, and the version of the file."""
    if response.status_code not in ((200, 206) if begin else (200,)):
        raise _Refusal(f"answers {response.status_code} {response.reason_phrase}".rstrip())
    headers, suffix = response.headers, PurePosixPath(remote.file.lower()).suffix
    kind = headers.get("Content-Type", "").lower()
    if kind.startswith(("text/html", "application/xhtml")) and suffix not in (".html", ".htm"):
        raise _Refusal("sends an HTML page instead of the file")
    coding = headers.get("Content-Encoding", "identity").lower()
    if coding != "identity" and suffix not in (".gz", ".tgz"):  # those are the file itself
        raise _Refusal(f"sends the file compressed ({coding}), which was not requested")
    start, total = _first_and_total(response)
    if response.status_code == 206 and start != begin:
        raise _Mismatch(f"continues from byte {start}, not from {begin}")
    chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
    if total is None and remote.size is None and remote.sha256 is None and not chunked:
        raise _Refusal("does not give the length of the file, so a cut could not be detected")
    etag, modified = headers.get("ETag"), headers.get("Last-Modified")
    return start or 0, Version(url=url, etag=etag, modified=modified, total=total)


def _first_and_total(response: httpx2.Response) -> tuple[int | None, int | None]:
    """First byte sent and bytes of the whole file, by the headers; None where they are silent."""
    length = response.headers.get("Content-Length", "")
    if response.status_code == 200:
        return 0, int(length) if length.isdecimal() else None
    span = response.headers.get("Content-Range", "").strip()
    found = re.fullmatch(r"bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)", span)
    if found is None:
        return None, None
    first, _, total = found.groups()
    return (None if first is None else int(first)), (None if total == "*" else int(total))


def _unreachable(error: Exception) -> str:
    import httpx2

    if isinstance(error, httpx2.ConnectTimeout):
        return f"cannot be reached within {_CONNECT_SECONDS:g} seconds"
    if isinstance(error, httpx2.TimeoutException):
        return f"does not answer within {_READ_SECONDS:g} seconds"
    if isinstance(error, httpx2.ConnectError):
        return f"cannot be reached ({error})"
    return f"gives no answer ({error or type(error).__name__})"
