"""A person's own videos: into a store of their own, or once into a cache."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dlh.data.arrays import clip_name, file_of
from dlh.data.build import StoreBuilder
from dlh.data.claim import Claim, claim
from dlh.data.clips import DataError
from dlh.data.decode import Frames, open_clips
from dlh.data.discover import Found, SourceFile, find_sources
from dlh.data.journal import Recipe
from dlh.data.report import ImportReport
from dlh.data.resize import check_target
from dlh.data.retime import check_rate
from dlh.data.source import StoreSource
from dlh.data.splits import Fractions, check_fractions, split_files
from dlh.data.store import VERSION, Store, is_store

SPLIT: Fractions = (0.8, 0.1, 0.1)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an import is.

    Attributes:
        files_done, files: of all.
        source: the file that is being read.
        frames, expected_frames: of that file; the latter as it says itself, None where it does not.
    """

    files_done: int
    files: int
    source: str
    frames: int
    expected_frames: int | None


def import_folder(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    height: int,
    width: int,
    channels: int,
    fps: float | None = None,
    split: Fractions = SPLIT,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport:
    """Decodes a folder of videos (or one file) once, resized, into a store at ``out``.

    Files that cannot be used are in the report with the reason. An import that was interrupted goes
    on where it was.

    Args:
        path: the folder; those below it are searched too. A folder of pictures is one video. Each
            clip of an array file of several is one, called FILE#NUMBER.
        out: where the store is to be; must not exist.
        channels: 3 for colour, 1 for grey.
        fps: re-times every video to this rate; None keeps every frame.
        split: the shares of train, validation and test. Whole files are split, never frames; with
            one or two files everything is for training, and the report says so.
        seed: decides which file goes where.

    Raises:
        DataError: nothing to import, ``out`` exists or cannot be written, or another process builds
            it.
    """
    plan = _Plan.of(Path(path), (channels, height, width), fps, split, seed)
    with claim(out, wait=False) as claimed:
        return ImportReport.of(plan.build(claimed, progress))


def open_data(
    path: str | os.PathLike[str],
    *,
    frame_shape: tuple[int, int, int],
    clip_length: int,
    fps: float | None = None,
    split: Fractions = SPLIT,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> StoreSource:
    """What a person calls their data, ready for training: a store, a folder or one video.

    Folders and files are decoded once into :func:`cache_folder`, under a name made of the path, the
    files' sizes and times and all arguments; the next call with the same finds it. A damaged entry
    of the cache is made again.

    Args:
        frame_shape: (channel, height, width) that the model takes.
        clip_length: what training will ask for; it is an error if no training video is that long.

    Raises:
        DataError: see :func:`import_folder`; a store of another frame shape; no clip of that
            length.
    """
    path = Path(path)
    if is_store(path):
        store = Store.open(path)
        if store.frame_shape != tuple(frame_shape):
            raise DataError(
                f"{path} holds frames of (channel, height, width) = {store.frame_shape}, this "
                f"model takes {tuple(frame_shape)}; import the videos again in that size, or "
                "train a model of the store's"
            )
    else:
        plan = _Plan.of(path, frame_shape, fps, split, seed)
        store = _cached(plan, progress)
    source = StoreSource(store)
    source.check_clip_length(clip_length)
    return source


def cache_folder() -> Path:
    """``$DLH_CACHE``, else ``$XDG_CACHE_HOME/dlh``, else ``~/.cache/dlh``; may be deleted."""
    if chosen := os.environ.get("DLH_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dlh"


def _cached(plan: _Plan, progress: Callable[[Progress], None] | None) -> Store:
    slug = re.sub(r"[^A-Za-z0-9]+", "-", plan.root.name).strip("-")[:40] or "videos"
    place = cache_folder() / f"{slug}-{plan.recipe.digest()[:16]}"
    if store := _intact(place):
        return store
    try:
        with claim(place, wait=True) as claimed:
            if store := _intact(place):  # another process made it while we waited
                return store
            if place.exists():
                shutil.rmtree(place)
            return plan.build(claimed, progress)
    except DataError as error:
        if not os.access(_existing(place.parent), os.W_OK):
            raise DataError(f"{error}; set DLH_CACHE to a folder that you can write to") from None
        raise


def _intact(place: Path) -> Store | None:
    try:
        return Store.open(place)
    except DataError:
        return None


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """An import that was checked and can begin."""

    root: Path
    found: Found
    recipe: Recipe
    fps: float | None
    split: Fractions
    seed: int

    @classmethod
    def of(
        cls,
        path: Path,
        frame_shape: tuple[int, int, int],
        fps: float | None,
        split: Fractions,
        seed: int,
    ) -> _Plan:
        channels, height, width = frame_shape
        check_target(height, width, channels)
        check_fractions(split)
        if fps is not None:
            check_rate(fps)
        root = Path(os.path.abspath(path))
        found = find_sources(root)
        recipe = Recipe(
            frame_shape=(channels, height, width),
            settings={
                "made_from": str(root),
                "store_version": VERSION,
                "fps": fps,
                "split": list(split),
                "seed": seed,
            },
            inputs=tuple(source.stamp() for source in found.sources),
        )
        return cls(root=root, found=found, recipe=recipe, fps=fps, split=tuple(split), seed=seed)

    def build(self, claimed: Claim, progress: Callable[[Progress], None] | None) -> Store:
        with StoreBuilder(claimed, self.recipe, name=self.root.name) as builder:
            for skipped in self.found.skipped:
                if not builder.has(skipped.source):
                    builder.skip(skipped.source, skipped.reason)
            known = {video.sha256: file_of(video.source) for video in builder.videos}
            for number, source in enumerate(self.found.sources):
                if not builder.has(source.name):
                    self._add(builder, source, number, known, progress)
            if not builder.videos:
                reasons = "\n".join(
                    f"  {skipped.source} {skipped.reason}" for skipped in builder.skipped[:20]
                )
                builder.discard()
                raise DataError(
                    f"none of the {len(self.found.sources)} videos in {self.root} can be "
                    f"used:\n{reasons}"
                )
            names = [video.source for video in builder.videos]
            files = split_files(sorted({*map(file_of, names)}), self.split, seed=self.seed)
            return builder.finish(
                {name: files[file_of(name)] for name in names}, others=self.found.others
            )

    def _add(
        self,
        builder: StoreBuilder,
        source: SourceFile,
        number: int,
        known: dict[str, str],
        progress: Callable[[Progress], None] | None,
    ) -> None:
        channels, height, width = self.recipe.frame_shape

        def store(name: str, stream: Frames, sha256: str) -> None:
            def tell(frames: int) -> None:
                if progress is not None:
                    progress(
                        Progress(
                            files_done=number,
                            files=len(self.found.sources),
                            source=name,
                            frames=frames,
                            expected_frames=stream.expected_frames,
                        )
                    )

            tell(0)
            with _skipping(builder, name, source.path):
                builder.add(name, stream, sha256=sha256, progress=tell)
                known[sha256] = source.name

        with _skipping(builder, source.name, source.path):
            sha256 = source.sha256()
            # Two copies of one file could come to lie on both sides of the split.
            if known.get(sha256, source.name) != source.name:
                raise DataError(f"has the same content as {known[sha256]}")
            for clip, stream in open_clips(
                source.path, height=height, width=width, channels=channels, fps=self.fps
            ):
                name = source.name if clip is None else clip_name(source.name, clip)
                if not builder.has(name):
                    store(name, stream, sha256)


@contextmanager
def _skipping(builder: StoreBuilder, name: str, path: Path) -> Generator[None]:
    """What cannot be used is noted with the reason, and the rest goes on."""
    try:
        yield
    except DataError as error:
        builder.skip(name, str(error).removeprefix(str(path)).lstrip(": "))
