"""Unpacking archives that are not trusted: zip, and tar with or without compression."""

from __future__ import annotations

import lzma
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from dlh.data.claim import claim
from dlh.data.clips import DataError
from dlh.data.reading import first_bytes, reading

_BLOCK = 2**20
_MOST_RATIO = 200  # videos hardly shrink; deflate reaches 1,000 on nothing but zeros
_HARMLESS_BYTES = 2**26  # so little is never a bomb
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError),
    *(NotImplementedError, RuntimeError, OSError),
)


@dataclass(frozen=True, kw_only=True)
class _Member:
    """A file in an archive.

    Attributes:
        path: of the file, relative and inside the folder.
        size: bytes when unpacked, as the archive says.
        crc32: of its content; None where the archive has none (tar).
        open: begins to read it; never None for a file.
    """

    path: PurePosixPath
    size: int
    crc32: int | None
    open: Callable[[], IO[bytes] | None]


def extract(
    archive: Path,
    folder: Path,
    *,
    limit_bytes: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Unpacks the files of an archive into ``folder``; the paths, in the order of the archive.

    Everything is checked before anything is written. Each file gets its name when it is complete,
    and a file that exists already is not unpacked again (a zip's is compared by its CRC-32, a
    tar's by its size), so an interrupted run continues. Hidden files and ``__MACOSX`` are ignored.

    Args:
        limit_bytes: the most that all files together may hold.
        progress: receives the bytes that are unpacked and the bytes in all.

    Raises:
        DataError: no archive; a damaged or encrypted one; names that lead out of ``folder``;
            links; more than ``limit_bytes``, or far too much for the archive's size; nothing to
            unpack; a different file in the way; or no space on the disk.
    """
    tell = progress or (lambda done, total: None)
    is_zip = first_bytes(archive, 4)[:2] == b"PK"
    with _read_errors(archive):
        opened = zipfile.ZipFile(archive) if is_zip else tarfile.open(archive)  # noqa: SIM115
    with opened:
        with _read_errors(archive):
            members = _checked_members(archive, opened, limit_bytes)
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
                            tell(done + count, total)
                    done += member.size
        tell(done, total)
        return [folder / member.path for member in members]


def _checked_members(
    archive: Path, opened: zipfile.ZipFile | tarfile.TarFile, limit_bytes: int
) -> list[_Member]:
    members: list[_Member] = []
    archive_bytes, unpacked, wanted = archive.stat().st_size, 0, 0
    is_zip = isinstance(opened, zipfile.ZipFile)
    for member in _of_zip(archive, opened) if is_zip else _of_tar(archive, opened):
        unpacked += member.size
        if unpacked > max(_HARMLESS_BYTES, _MOST_RATIO * archive_bytes):
            raise _refusal(
                archive,
                f"has {archive_bytes:,} bytes and would unpack to {unpacked:,} or more, "
                f"{unpacked / archive_bytes:.0f} times as much; only an archive bomb does that",
            )
        if any(part.startswith(".") or part == "__MACOSX" for part in member.path.parts):
            continue
        wanted += member.size
        if wanted > limit_bytes:
            raise _refusal(
                archive,
                f"would unpack to {wanted:,} bytes or more, at most {limit_bytes:,} are expected",
            )
        members.append(member)
    if not members:
        raise DataError(
            f"{archive} holds no file; check that it is the right archive", code="empty-archive"
        )
    places = Counter(member.path for member in members)
    for path, count in places.items():
        if count > 1:
            raise _refusal(archive, f"holds {path} {count} times")
        if both := next((parent for parent in path.parents if parent in places), None):
            raise _refusal(archive, f"holds {both} both as a file and as a folder")
    return members


def _of_zip(archive: Path, opened: zipfile.ZipFile) -> Iterator[_Member]:
    packed = 0
    for info in opened.infolist():
        name = info.orig_filename  # as in the file: zipfile cuts the other at a zero byte
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refusal(archive, f"holds {name!r}, a link or a device")
        path = _inside(archive, name)
        packed += info.compress_size
        if info.is_dir():
            continue
        if info.flag_bits & 0x1:
            raise DataError(
                f"{archive} is encrypted ({path}); unpack it with its password first",
                code="unsupported-archive",
            )
        begin = partial(opened.open, info)
        yield _Member(path=path, size=info.file_size, crc32=info.CRC, open=begin)
    if packed > archive.stat().st_size:
        raise _refusal(archive, "holds entries that overlap; only a zip bomb does that")


def _of_tar(archive: Path, opened: tarfile.TarFile) -> Iterator[_Member]:
    for info in opened:
        if not info.isfile() and not info.isdir():
            raise _refusal(archive, f"holds {info.name!r}, a link or a device")
        path = _inside(archive, info.name)
        if info.isfile():
            begin = partial(opened.extractfile, info)
            yield _Member(path=path, size=info.size, crc32=None, open=begin)
    if opened.fileobj is not None:
        rest = 0  # to the end: only there is a compressed file's checksum
        while rest <= _HARMLESS_BYTES and (block := opened.fileobj.read(_BLOCK)):
            rest += len(block)


def _inside(archive: Path, name: str) -> PurePosixPath:
    """The relative path of a name; refuses one that leads out of the folder.

    Stricter than :func:`tarfile.data_filter`, which makes an absolute name relative; and for zip.
    """
    unified = name.replace("\\", "/")
    if unified.startswith("/") or re.match("[A-Za-z]:", unified):
        raise _refusal(archive, f"holds the absolute name {name!r}")
    path = PurePosixPath(unified)
    if ".." in path.parts or "\0" in unified:
        raise _refusal(archive, f"holds {name!r}, which leads out of the folder")
    return path


def _is_present(archive: Path, member: _Member, folder: Path) -> bool:
    """Whether a file is unpacked already; raises if a different one is in its place."""
    path = folder / member.path
    with reading(path):
        if not path.exists():
            return False
        same = path.is_file() and path.stat().st_size == member.size
        if same and member.crc32 is not None:
            crc = 0
            with open(path, "rb") as file:
                while block := file.read(_BLOCK):
                    crc = zlib.crc32(block, crc)
            same = crc == member.crc32
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


def _unpack(archive: Path, member: _Member, folder: Path, unfinished: Path) -> Iterator[int]:
    """Writes one file, first under another name; yields the bytes so far."""
    path = folder / member.path
    count = crc = 0
    try:
        with _read_errors(archive, member.path):
            stream = member.open()
        assert stream is not None
        with stream, open(unfinished, "wb") as file:
            while True:
                with _read_errors(archive, member.path):
                    block = stream.read(_BLOCK)
                if not block:
                    break
                count, crc = count + len(block), zlib.crc32(block, crc)
                if count > member.size:
                    raise _damaged(archive, f"{member.path}: more than {member.size:,} bytes")
                file.write(block)
                yield count
        if count != member.size or member.crc32 not in (None, crc):
            raise _damaged(archive, f"{member.path}: {count:,} of {member.size:,} bytes are right")
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not durably, one by one: that would take minutes for the thousands of small files of a
        # data set, and what a power cut spoils is found by its size or CRC-32 and refused.
        os.replace(unfinished, path)
    except OSError as error:
        raise DataError(
            f"{path} could not be written: {error.strerror or error}; the files before it are "
            "complete, and the next attempt continues after them"
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _read_errors(archive: Path, member: PurePosixPath | None = None) -> Generator[None]:
    """Errors of reading an archive as :class:`DataError` about the archive."""
    try:
        yield
    except DataError:
        raise
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise DataError(f"{archive} cannot be read: {error.strerror}") from None
        head = first_bytes(archive, 8)
        unknown = isinstance(error, tarfile.ReadError) and "unexpected end" not in str(error)
        if unknown and member is None:
            raise DataError(
                f"{archive} is not a zip or tar file that can be read (it begins with "
                f"{head.hex(' ')}); fetch it again",
                code="unsupported-archive",
            ) from None
        raise _damaged(archive, str(error) if member is None else f"{member}: {error}") from None


def _damaged(archive: Path, reason: str) -> DataError:
    return DataError(
        f"{archive} is damaged or cut off ({reason}); fetch it again", code="damaged-archive"
    )


def _refusal(archive: Path, reason: str) -> DataError:
    return DataError(f"{archive} {reason}; nothing of it is unpacked", code="unsafe-archive")
