"""The files of an archive, all checked before any of them is unpacked."""

from __future__ import annotations

import lzma
import re
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

from dlh.data.clips import DataError
from dlh.data.video.opening import first_bytes

_BLOCK = 2**20
_MOST_RATIO = 200  # videos hardly shrink; deflate reaches 1,000 on nothing but zeros
_HARMLESS_BYTES = 2**26  # so little is never a bomb
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    OSError,
)


@dataclass(frozen=True, kw_only=True)
class Member:
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


def members_of(
    archive: Path,
    opened: zipfile.ZipFile | tarfile.TarFile,
    suffixes: frozenset[str] | None,
    limit_bytes: int,
) -> list[Member]:
    """The wanted files; see :func:`dlh.data.fetch.archive.extract` for what is refused."""
    members: list[Member] = []
    others: Counter[str] = Counter()
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
        suffix = member.path.suffix.lower()
        if any(part.startswith(".") or part == "__MACOSX" for part in member.path.parts):
            continue
        if suffixes is not None and suffix not in suffixes:
            others[suffix or "without a suffix"] += 1
            continue
        wanted += member.size
        if wanted > limit_bytes:
            raise _refusal(
                archive,
                f"would unpack to {wanted:,} bytes or more, at most {limit_bytes:,} are expected",
            )
        members.append(member)
    if not members:
        kinds = "" if suffixes is None else f" {', '.join(sorted(suffixes))}"
        found = ", ".join(f"{count} {name}" for name, count in sorted(others.items()))
        raise DataError(
            f"{archive} holds no{kinds} file (found: {found or 'nothing'}); check that it is the "
            "right archive",
            code="empty-archive",
        )
    _check_places(archive, members)
    return members


def _of_zip(archive: Path, opened: zipfile.ZipFile) -> Iterator[Member]:
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
        yield Member(path=path, size=info.file_size, crc32=info.CRC, open=begin)
    if packed > archive.stat().st_size:
        raise _refusal(archive, "holds entries that overlap; only a zip bomb does that")


def _of_tar(archive: Path, opened: tarfile.TarFile) -> Iterator[Member]:
    for info in opened:
        if not info.isfile() and not info.isdir():
            raise _refusal(archive, f"holds {info.name!r}, a link or a device")
        path = _inside(archive, info.name)
        if info.isfile():
            begin = partial(opened.extractfile, info)
            yield Member(path=path, size=info.size, crc32=None, open=begin)
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


def _check_places(archive: Path, members: list[Member]) -> None:
    """Raises if two files want the same place."""
    names = Counter(member.path for member in members)
    for member in members:
        if names[member.path] > 1:
            raise _refusal(archive, f"holds {member.path} {names[member.path]} times")
        for parent in member.path.parents:
            if parent in names:
                raise _refusal(archive, f"holds {parent} both as a file and as a folder")


@contextmanager
def read_errors(archive: Path, member: PurePosixPath | None = None) -> Generator[None]:
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
        where = "" if member is None else f"{member}: "
        raise damaged(archive, f"{where}{error}") from None


def damaged(archive: Path, reason: str) -> DataError:
    """The error for an archive whose content is not what was packed."""
    return DataError(
        f"{archive} is damaged or cut off ({reason}); fetch it again", code="damaged-archive"
    )


def _refusal(archive: Path, reason: str) -> DataError:
    return DataError(f"{archive} {reason}; nothing of it is unpacked", code="unsafe-archive")
