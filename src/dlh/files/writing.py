"""Writing files: refused before the work where that can be known, and whole or not at all.

What the operating system says becomes a message with advice.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dlh.errors import DlhError, OutputError, UsageError

Say = Callable[[str], None]
"""Takes a line for a person."""

_ADVICE = {
    errno.ENOSPC: "free some space and try again",
    errno.EDQUOT: "free some space and try again",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f) and try again",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that can be written to",
}


def explain(error: OSError) -> str:
    """The operating system's reason for a failed write or read, and what to do about it."""
    reason = error.strerror or str(error)
    advice = _ADVICE.get(error.errno or 0)
    return f"{reason}; {advice}" if advice else reason


@contextmanager
def os_errors_as(kind: type[DlhError], what: str) -> Generator[None]:
    """Within it an OSError becomes an error of this kind: ``what``, the reason and the advice.

    Args:
        kind: the error that is raised instead.
        what: the beginning of its message, such as "cannot write runs/a/status.json".
    """
    try:
        yield
    except OSError as error:
        raise kind(f"{what}: {explain(error)}") from error


def write_atomically(path: Path, *parts: bytes | memoryview) -> None:
    """Write ``parts`` one after the other to ``path``; see :func:`replacing`."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        for part in parts:
            file.write(part)


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Replace ``path`` by the file that the block writes under the name it is given.

    That name is a temporary one in the same folder. The file takes its own name when the block
    ends, once all of it has reached the disk, so that neither a kill nor a power cut shows a
    half-written file. After an error ``path`` is as it was. Raises what the operating system
    raises.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)  # of a killed process of the same number
    try:
        yield temporary
        put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def put_in_place(made: Path, path: Path) -> None:
    """Give a finished file or folder its name, once it has reached the disk.

    A file of that name is replaced; a folder must not be there yet. Raises what the operating
    system raises.
    """
    if made.is_dir():
        sync_folder(made)
    else:
        with open(made, "r+b") as file:
            os.fsync(file.fileno())
    os.replace(made, path)
    sync_folder(path.parent)


def is_leftover(path: Path) -> bool:
    """Whether this is the temporary file of a write: a left-over once its process is gone."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove the temporary files that killed processes left in a folder, and return them.

    Only for a folder in which nobody else writes.
    """
    leftovers = [path for path in folder.iterdir() if is_leftover(path)] if folder.is_dir() else []
    for path in leftovers:
        path.unlink(missing_ok=True)
    return leftovers


def sync_folder(folder: Path) -> None:
    """Make sure that the disk knows the names in a folder, where the file system can do that."""
    with contextlib.suppress(OSError):  # Windows opens no folder; the files are complete anyway
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def check_name(path: Path, suffix: str) -> None:
    """Refuse the name of a file to be written, before anything is made.

    Raises:
        UsageError: the name does not end in ``suffix``, or is that of a folder.
    """
    if path.suffix.lower() != suffix:
        raise UsageError(f"{path} must end in {suffix}, found {path.suffix or 'no ending'}")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file in it")


def check_writable(path: Path, suffix: str) -> None:
    """Make the folder of a file to be written, and refuse now what would fail after the work.

    Raises:
        UsageError: as by :func:`check_name`.
        OutputError: nothing can be written there.
    """
    check_name(path, suffix)
    with os_errors_as(OutputError, f"cannot write {path}"):
        _make_writable(path.parent)


def check_not_among(inputs: Iterable[Path], *outputs: Path, option: str = "--out") -> None:
    """Refuse outputs of an option that would replace an input, or lie in a folder that is one: the
    next reading would take them for a part of it.

    Raises:
        UsageError: there is such an output.
    """
    read = {path.resolve(): path for path in inputs}
    for out in outputs:
        place = out.resolve()
        if place in read:
            raise UsageError(f"{out} is an input, which {option} would replace; name another place")
        if folder := next((read[each] for each in place.parents if each in read), None):
            raise UsageError(
                f"{out} is in {folder}, which is read, and would become a part of it; name a place "
                f"elsewhere with {option}"
            )


def check_new(outputs: Iterable[Path], *, overwrite: bool) -> None:
    """Refuse outputs that exist, unless ``overwrite``.

    Raises:
        UsageError: one exists (code "output-exists").
    """
    there = [path for path in outputs if os.path.lexists(path)]
    if there and not overwrite:
        several = len(there) > 1
        found = f"{there[0]} and {len(there) - 1} more exist" if several else f"{there[0]} exists"
        raise UsageError(
            f"{found} already; choose another --out, or replace {'them' if several else 'it'} with "
            "--overwrite",
            code="output-exists",
        )


def make_folder(folder: Path) -> None:
    """Make a folder for results, and those above it.

    Raises:
        OutputError: it cannot be made, or nothing can be written in it.
    """
    with os_errors_as(OutputError, f"cannot write in {folder}"):
        _make_writable(folder)


def check_with_picture(path: Path, suffix: str) -> Path:
    """The picture beside a file, of its name and .png, after both were checked as by
    :func:`check_writable`.
    """
    check_writable(path, suffix)
    picture = path.with_suffix(".png")
    if picture.is_dir():
        raise UsageError(
            f"the picture beside {path} is to be {picture}, which is a folder; choose another --out"
        )
    return picture


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, as a whole or not at all; OutputError where that cannot be."""
    with os_errors_as(OutputError, f"cannot write {path}"):
        write_atomically(path, content)


def write_text(path: Path, parts: Iterable[str]) -> None:
    """Write the parts of a text, as UTF-8; as a whole or not at all. OutputError where that cannot
    be.
    """
    with (
        os_errors_as(OutputError, f"cannot write {path}"),
        replacing(path) as temporary,
        open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        file.writelines(parts)


def write_json(path: Path, value: Any, *, indent: int = 1) -> None:
    """Write :func:`strict_json`, as a whole or not at all; OutputError where that cannot be."""
    write_bytes(path, as_utf8(strict_json(value, indent=indent) + "\n"))


def as_utf8(text: str) -> bytes:
    """A text as bytes; what a file's name has of bytes that are no text becomes an escape, which
    JSON understands.
    """
    return text.encode(errors="backslashreplace")


def cache_folder() -> Path:
    """``$DLH_CACHE``, else ``$XDG_CACHE_HOME/dlh``, else ``~/.cache/dlh``; may be deleted."""
    if chosen := os.environ.get("DLH_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dlh"


def strict_json(value: Any, *, indent: int | None = None) -> str:
    """``value`` as JSON that every program can read, with null for NaN and infinity.

    Raises TypeError for what JSON has not.
    """
    return json.dumps(_finite(value), indent=indent, allow_nan=False, ensure_ascii=False)


def _make_writable(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
