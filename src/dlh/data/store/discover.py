"""Finding the videos in a folder; whatever looks like one and is not used is reported."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dlh.data.clips import DataError
from dlh.data.reading import reading
from dlh.data.store.store import Skipped, is_store
from dlh.data.video.arrays import ARRAY_SUFFIXES, HDF5_SUFFIXES
from dlh.data.video.images import IMAGE_SUFFIXES, has_pages, image_files, natural_order
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
            with reading(file):
                facts = file.stat()
            text = f"{file.name}\0{facts.st_size}\0{facts.st_mtime_ns}\0"
            digest.update(text.encode(errors="surrogateescape"))
        # Where the package that reads it is installed later, the file is another one.
        if self.path.suffix.lower() in HDF5_SUFFIXES and not importlib.util.find_spec("h5py"):
            digest.update(b"without h5py")
        return self.name, digest.hexdigest()

    def sha256(self) -> str:
        """SHA-256 of the file, or of all pictures one after the other."""
        digest = hashlib.sha256()
        for path in self.files:
            with reading(self.path), open(path, "rb") as file:
                while block := file.read(2**20):
                    digest.update(block)
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


class Search:
    """A search through a folder and those below it, in the order of their names.

    Hidden folders and clip stores are left out. Links are followed, each folder is visited once.

    Args:
        root: the folder.
        prefix: of the names of what is skipped.
    """

    def __init__(self, root: Path, *, prefix: str = "") -> None:
        self.root, self._prefix = root, prefix
        self.sources: dict[str, SourceFile] = {}
        self.skipped: list[Skipped] = []
        self.others: Counter[str] = Counter()
        self.stores: list[Path] = []

    def folders(self) -> Iterator[tuple[Path, list[str]]]:
        """Each folder, and the names of the files in it; none where there is no folder."""
        if not self.root.is_dir():
            return
        visited: set[tuple[int, int]] = set()
        for here, folders, names in os.walk(self.root, followlinks=True, onerror=self._unreadable):
            folder, facts = Path(here), os.stat(here)
            seen = (facts.st_dev, facts.st_ino) in visited
            visited.add((facts.st_dev, facts.st_ino))
            if seen or is_store(folder):  # the shards of a store are array files too
                folders.clear()
                self.stores += [] if seen else [folder]
                continue
            folders[:] = sorted(
                (name for name in folders if not name.startswith(".")), key=natural_order
            )
            yield folder, sorted(names, key=natural_order)

    def name_of(self, path: Path) -> str:
        """The path below the folder that is searched, with forward slashes."""
        return self.root.name if path == self.root else path.relative_to(self.root).as_posix()

    def skip(self, path: Path, reason: str) -> None:
        """Notes a path that is not used."""
        self.skipped.append(Skipped(source=self._prefix + self.name_of(path), reason=reason))

    def take(self, file: Path, *, name: str | None = None) -> None:
        """Notes a file with a video, unless it cannot be one or its name is taken."""
        name = self.name_of(file) if name is None else name
        if file.name.startswith("."):
            self.skip(file, "is a hidden file")
        elif not file.exists():
            self.skip(file, "is a link to nothing")
        elif not file.is_file():
            self.skip(file, "is not a regular file")
        elif name in self.sources:
            first = self.name_of(self.sources[name].path)
            self.skip(file, f"has the name of {first}, which is used")
        else:
            self.sources[name] = SourceFile(name=name, path=file, files=(file,))

    def found(self, sources: Iterable[SourceFile]) -> Found:
        """The result, with the sources in this order."""
        return Found(sources=tuple(sources), skipped=tuple(self.skipped), others=dict(self.others))

    def _unreadable(self, error: OSError) -> None:
        self.skip(Path(error.filename), f"cannot be read: {error.strerror}")


def find_sources(path: Path) -> Found:
    """The videos at a path: the file itself, or all in the folder and those below it.

    A folder with two or more pictures and no video in it is one video of numbered pictures. Array
    files count as videos, and so do pictures of several pages. See :class:`Search` for what is left
    out.

    Raises:
        DataError: there is nothing at the path, or no video in it.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist")
    if not path.is_dir():
        return Found(sources=(SourceFile(name=path.name, path=path, files=(path,)),))
    search = Search(path)
    for here, names in search.folders():
        videos = {name for name in names if _suffix(name) in VIDEO_SUFFIXES}
        taken = videos | {name for name in names if _suffix(name) in ARRAY_SUFFIXES}
        taken |= {name for name in names if has_pages(here / name)}
        for name in names:
            if name in taken:
                search.take(here / name)
        pictures = [] if videos else image_files(here)
        if len(pictures) >= 2:
            name = search.name_of(here)
            search.sources[name] = SourceFile(name=name, path=here, files=tuple(pictures))
            taken |= {picture.name for picture in pictures}
        search.others.update(_suffix(name) for name in names if name not in taken)
    for store in search.stores:
        search.skip(store, "is a clip store; name it itself to use it")
    found = search.found(search.sources.values())
    if not found.sources:
        raise DataError(_no_videos(path, found))
    return found


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
