"""What an archive holds, looked at with suspicion before anything of it is unpacked."""

from __future__ import annotations

import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        path: of the file, relative and safe.
        size: bytes when unpacked, as the archive says.
        crc32: of its content; None where the archive has none (tar).
        open: begins to read it.
    """

    path: PurePosixPath
    size: int
    crc32: int | None
    open: Callable[[], IO[bytes]]


def zip_members(
    archive: Path, opened: zipfile.ZipFile, suffixes: frozenset[str] | None, limit_bytes: int
) -> list[Member]:
    """The wanted files of a zip; raises if anything in it is to be refused."""
    choice, packed = _Choice(archive, suffixes, limit_bytes), 0
    for info in opened.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refusal(archive, f"holds {info.orig_filename!r}, a link or a device")
        # The name as it is in the file: zipfile cuts it at a zero byte.
        path = choice.take(info.orig_filename, info.file_size, is_folder=info.is_dir())
        packed += info.compress_size
        if path is None:
            continue
        if info.flag_bits & 0x1:
            raise DataError(f"{archive} is encrypted ({path}); unpack it with its password first")

        def begin(info: zipfile.ZipInfo = info) -> IO[bytes]:
            return opened.open(info)

        choice.members.append(Member(path, info.file_size, info.CRC, begin))
    if packed > archive.stat().st_size:
        raise refusal(archive, "holds entries that overlap, as only a zip bomb does")
    return choice.finish()


def tar_members(
    archive: Path, opened: tarfile.TarFile, suffixes: frozenset[str] | None, limit_bytes: int
) -> list[Member]:
    """The wanted files of a tar, which is read to its end; raises as :func:`zip_members` does."""
    choice = _Choice(archive, suffixes, limit_bytes)
    for info in opened:
        if not info.isfile() and not info.isdir():
            raise refusal(archive, f"holds {info.name!r}, a link or a device")
        path = choice.take(info.name, info.size, is_folder=info.isdir())
        if path is None:
            continue

        def begin(info: tarfile.TarInfo = info) -> IO[bytes]:
            stream = opened.extractfile(info)
            assert stream is not None
            return stream

        choice.members.append(Member(path, info.size, None, begin))
    if opened.fileobj is not None:
        rest, most = 0, _HARMLESS_BYTES  # to the end: only there is a compressed file's checksum
        while rest <= most and (block := opened.fileobj.read(_BLOCK)):
            rest += len(block)
    return choice.finish()


class _Choice:
    """The members that are wanted, collected while all are checked."""

    def __init__(self, archive: Path, suffixes: frozenset[str] | None, limit_bytes: int) -> None:
        self.members: list[Member] = []
        self._archive = archive
        self._archive_bytes = archive.stat().st_size
        self._suffixes = suffixes
        self._limit = limit_bytes
        self._seen = 0
        self._wanted = 0
        self._others: Counter[str] = Counter()

    def take(self, name: str, size: int, *, is_folder: bool) -> PurePosixPath | None:
        """Checks one entry; where to unpack it, or None if it is not wanted."""
        unified = name.replace("\\", "/")
        if unified.startswith("/") or re.match("[A-Za-z]:", unified):
            raise refusal(self._archive, f"holds the absolute name {name!r}")
        path = PurePosixPath(unified)
        if ".." in path.parts or "\0" in unified:
            raise refusal(self._archive, f"holds {name!r}, which leads out of the folder")
        self._seen += size
        ratio = self._seen / self._archive_bytes
        if self._seen > _HARMLESS_BYTES and ratio > _MOST_RATIO:
            raise refusal(
                self._archive,
                f"has {self._archive_bytes:,} bytes and would unpack to {self._seen:,} or more, "
                f"{ratio:.0f} times as much, as only an archive bomb does",
            )
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
        if is_folder or hidden or not path.parts:
            return None
        if self._suffixes is not None and path.suffix.lower() not in self._suffixes:
            self._others[path.suffix.lower() or "without a suffix"] += 1
            return None
        self._wanted += size
        if self._wanted > self._limit:
            raise refusal(
                self._archive,
                f"would unpack to {self._wanted:,} bytes or more, at most {self._limit:,} are "
                "expected",
            )
        return path

    def finish(self) -> list[Member]:
        if not self.members:
            wanted = "" if self._suffixes is None else f" {', '.join(sorted(self._suffixes))}"
            others = ", ".join(f"{count} {name}" for name, count in sorted(self._others.items()))
            raise DataError(
                f"{self._archive} holds no{wanted} file (found: {others or 'nothing'}); is it the "
                "right archive?"
            )
        return self.members


def check_names(archive: Path, members: list[Member]) -> None:
    """Raises if two files want the same place."""
    names = Counter(member.path for member in members)
    for member in members:
        if names[member.path] > 1:
            raise refusal(archive, f"holds {member.path} {names[member.path]} times")
        for parent in member.path.parents:
            if parent in names:
                raise refusal(archive, f"holds {parent} both as a file and as a folder")


@contextmanager
def read_errors(archive: Path, member: PurePosixPath | None = None) -> Generator[None]:
    """What goes wrong while an archive is read is about the archive."""
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
                f"{head.hex(' ')}); fetch it again"
            ) from None
        where = "" if member is None else f"{member}: "
        raise damaged(archive, f"{where}{error}") from None


def damaged(archive: Path, reason: str) -> DataError:
    """The error of an archive that is not as it was made."""
    return DataError(f"{archive} is damaged or cut off ({reason}); fetch it again")


def refusal(archive: Path, reason: str) -> DataError:
    """The error of an archive that is not trusted."""
    return DataError(f"{archive} {reason}; nothing of it is unpacked")
