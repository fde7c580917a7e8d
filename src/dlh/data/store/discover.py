"""Finding the videos in a folder; whatever looks like one and is not used is reported."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dlh.data.clips import DataError
from dlh.data.store.store import Skipped, is_store
from dlh.data.video.array_file import ARRAY_SUFFIXES, HDF5_SUFFIXES
from dlh.data.video.images import IMAGE_SUFFIXES, image_files, natural_order
from dlh.data.video.video_file import VIDEO_SUFFIXES


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A video file, an array file, or a folder of pictures.

    Attributes:
        name: relative to the folder that was searched, with forward slashes.
        files: the file, or the pictures in order.
    """

    name: str
    path: Path
    files: tuple[Path, ...]

    def stamp(self) -> tuple[str, ...]:
        """The name, and a digest that stays the same as long as nobody writes to the files."""
        digest = hashlib.sha256()
        for file in self.files:
            try:
                facts = file.stat()
            except OSError as error:
                raise DataError(f"{file} cannot be read: {error.strerror}") from None
            digest.update(
                f"{file.name}\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode(
                    errors="surrogateescape"
                )
            )
        # Where the package that reads it is installed later, the file is another one.
        if self.path.suffix.lower() in HDF5_SUFFIXES and not importlib.util.find_spec("h5py"):
            digest.update(b"without h5py")
        return self.name, digest.hexdigest()

    def sha256(self) -> str:
        """SHA-256 of the file, or of all pictures one after the other."""
        digest = hashlib.sha256()
        for path in self.files:
            try:
                with open(path, "rb") as file:
                    while block := file.read(2**20):
                        digest.update(block)
            except OSError as error:
                raise DataError(f"{self.path} cannot be read: {error.strerror}") from None
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Found:
    """The contents of a folder: videos, files that are skipped, and a count of all others."""

    sources: tuple[SourceFile, ...]
    skipped: tuple[Skipped, ...] = ()
    others: dict[str, int] = field(default_factory=dict)

    def describe_others(self) -> str:
        """Such as "3 other files (2 .txt, 1 .json)"."""
        kinds = sorted(self.others.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{count} {suffix or 'without suffix'}" for suffix, count in kinds[:5])
        total = sum(self.others.values())
        shown += ", ..." if len(kinds) > 5 else ""
        return f"{total} other file{'s' if total != 1 else ''} ({shown})"


def find_sources(path: Path) -> Found:
    """The videos at a path: the file itself, or all in the folder and those below it.

    A folder with two or more pictures and no video in it is one video of numbered pictures. Array
    files count as videos. Hidden folders and clip stores are left out. Links are followed, each
    folder is visited once.

    Raises:
        DataError: there is nothing at the path, or no video in it.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist")
    if not path.is_dir():
        return Found(sources=(SourceFile(name=path.name, path=path, files=(path,)),))
    sources: list[SourceFile] = []
    skipped: list[Skipped] = []
    others: Counter[str] = Counter()

    def name_of(file: Path) -> str:
        return path.name if file == path else file.relative_to(path).as_posix()

    def unreadable(error: OSError) -> None:
        skipped.append(
            Skipped(
                source=name_of(Path(error.filename)), reason=f"cannot be read: {error.strerror}"
            )
        )

    for here, folders, names in walk(path, unreadable):
        if is_store(here):  # its shards are array files too
            skipped.append(
                Skipped(source=name_of(here), reason="is a clip store; name it itself to use it")
            )
            folders.clear()
            continue
        videos = [name for name in names if _suffix(name) in VIDEO_SUFFIXES]
        arrays = [name for name in names if _suffix(name) in ARRAY_SUFFIXES]
        for name in sorted(videos + arrays, key=natural_order):
            file = here / name
            if reason := unusable(file):
                skipped.append(Skipped(source=name_of(file), reason=reason))
            else:
                sources.append(SourceFile(name=name_of(file), path=file, files=(file,)))
        pictures = [] if videos else image_files(here)
        if len(pictures) >= 2:
            sources.append(SourceFile(name=name_of(here), path=here, files=tuple(pictures)))
        taken = {*videos, *arrays} | (
            {picture.name for picture in pictures} if len(pictures) >= 2 else set()
        )
        others.update(_suffix(name) for name in names if name not in taken)
    found = Found(sources=tuple(sources), skipped=tuple(skipped), others=dict(others))
    if not sources:
        raise DataError(_no_videos(path, found))
    return found


def walk(
    path: Path, unreadable: Callable[[OSError], None] | None = None
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """A folder and those below it, in the order of their names: (folder, folders in it, files).

    Hidden folders are left out. Links are followed, each folder is visited once. Who clears the
    list of folders does not descend there.
    """
    visited: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(path, followlinks=True, onerror=unreadable):
        facts = os.stat(folder)
        if (facts.st_dev, facts.st_ino) in visited:
            folders.clear()
            continue
        visited.add((facts.st_dev, facts.st_ino))
        folders[:] = sorted(
            (name for name in folders if not name.startswith(".")), key=natural_order
        )
        yield Path(folder), folders, names


def unusable(file: Path) -> str | None:
    """Why a path with the name of a video cannot be one; None if nothing is known against it."""
    if file.name.startswith("."):
        return "is a hidden file"
    if not file.exists():
        return "is a link to nothing"
    return None if file.is_file() else "is not a regular file"


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _no_videos(path: Path, found: Found) -> str:
    lines = [
        f"{path} holds no videos; looked for {' '.join(sorted(VIDEO_SUFFIXES))}, arrays "
        f"({' '.join(sorted(ARRAY_SUFFIXES))}) and folders of pictures "
        f"({' '.join(sorted(IMAGE_SUFFIXES))}), found "
        f"{found.describe_others() if found.others else 'no files'}"
    ]
    lines += [f"  {skipped.source} {skipped.reason}" for skipped in found.skipped[:20]]
    return "\n".join(lines)
