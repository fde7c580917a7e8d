"""Unpacking archives that are not trusted: zip, and tar with or without compression."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from dlh.data.claim import claim
from dlh.data.clips import DataError
from dlh.data.fetch.members import Member, damaged, members_of, read_errors
from dlh.data.video.opening import first_bytes
from dlh.files.writing import put_in_place

_BLOCK = 2**20


def extract(
    archive: str | Path,
    folder: str | Path,
    *,
    suffixes: frozenset[str] | None = None,
    limit_bytes: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Unpacks the files of an archive into ``folder``; the paths, in the order of the archive.

    Everything is checked before anything is written. Each file gets its name when it is complete,
    and a file that exists already is not unpacked again (a zip's is compared by its CRC-32, a
    tar's by its size), so an interrupted run continues. Hidden files and ``__MACOSX`` are ignored.

    Args:
        suffixes: only files that end so, such as ``.avi``; lower case, compared without regard to
            case. None takes all.
        limit_bytes: the most that all files together may hold.
        progress: receives the bytes that are unpacked and the bytes in all.

    Raises:
        DataError: no archive; a damaged or encrypted one; names that lead out of ``folder``;
            links; more than ``limit_bytes``, or far too much for the archive's size; nothing to
            unpack; a different file in the way; or no space on the disk.
    """
    archive, folder = Path(archive), Path(folder)
    is_zip = first_bytes(archive, 4)[:2] == b"PK"
    with read_errors(archive):
        opened = zipfile.ZipFile(archive) if is_zip else tarfile.open(archive)  # noqa: SIM115
    with opened:
        with read_errors(archive):
            members = members_of(archive, opened, suffixes, limit_bytes)
        missing = [member for member in members if not _is_present(archive, member, folder)]
        total = sum(member.size for member in members)
        done = total - sum(member.size for member in missing)
        if missing:
            _check_room(archive, folder, total - done)
            with claim(folder / "unpacking", wait=True) as claimed:
                for member in missing:
                    # Another process may have unpacked it meanwhile.
                    if not _is_present(archive, member, folder):
                        for count in _unpack(archive, member, folder, claimed.unfinished):
                            if progress is not None:
                                progress(done + count, total)
                    done += member.size
        if progress is not None:
            progress(done, total)
        return [folder / member.path for member in members]


def _is_present(archive: Path, member: Member, folder: Path) -> bool:
    """Whether a file is unpacked already; raises if a different one is in its place."""
    path = folder / member.path
    try:
        if not path.exists():
            return False
        same = path.is_file() and path.stat().st_size == member.size
        if same and member.crc32 is not None:
            crc = 0
            with open(path, "rb") as file:
                while block := file.read(_BLOCK):
                    crc = zlib.crc32(block, crc)
            same = crc == member.crc32
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if not same:
        raise DataError(
            f"{path} exists and is not the file that {archive} holds under that name; remove or "
            "rename it, or choose another folder",
            code="unexpected-file",
        )
    return True


def _check_room(archive: Path, folder: Path, need: int) -> None:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < need:
        raise DataError(
            f"{archive} needs {need:,} bytes in {folder}, where {free:,} are free; free some space "
            "or choose another folder",
            code="no-space",
        )


def _unpack(archive: Path, member: Member, folder: Path, unfinished: Path) -> Iterator[int]:
    """Writes one file, first under another name; yields the bytes so far."""
    path = folder / member.path
    count = crc = 0
    try:
        with read_errors(archive, member.path):
            stream = member.open()
        assert stream is not None
        with stream, open(unfinished, "wb", buffering=0) as file:
            while True:
                with read_errors(archive, member.path):
                    block = stream.read(_BLOCK)
                if not block:
                    break
                count, crc = count + len(block), zlib.crc32(block, crc)
                if count > member.size:
                    raise damaged(archive, f"{member.path}: more than {member.size:,} bytes")
                rest = memoryview(block)
                while rest:  # an unbuffered write may take a part only
                    rest = rest[file.write(rest) :]
                yield count
        if count != member.size or member.crc32 not in (None, crc):
            raise damaged(archive, f"{member.path}: {count:,} of {member.size:,} bytes are right")
        path.parent.mkdir(parents=True, exist_ok=True)
        put_in_place(unfinished, path)
    except OSError as error:
        raise DataError(
            f"{path} could not be written: {error.strerror or error}; the files before it are "
            "complete, and the next attempt continues after them"
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)
