"""Downloads: from the first mirror that has the file, verified, resumed after an interruption."""

from __future__ import annotations

from pathlib import Path

from dlh.data.claim import claim
from dlh.data.clips import DataError
from dlh.data.fetch.mirror import CONNECT_SECONDS, READ_SECONDS, Progress, download_from
from dlh.data.fetch.partial import Partial
from dlh.data.fetch.remote import Remote
from dlh.data.reading import reading


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
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            # A server may close an idle connection just when it is used again.
            limits=httpx2.Limits(max_keepalive_connections=0),
            # A compressed transfer could not be continued.
            headers={"User-Agent": "dlh", "Accept-Encoding": "identity"},
        )
    except (ImportError, ValueError) as error:  # a proxy setting that httpx2 cannot use
        raise DataError(f"{remote.file} cannot be downloaded: {error}") from None
    with client:
        for url in mirrors:
            reason = download_from(client, url, remote, part, progress)
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
