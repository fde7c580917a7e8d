"""Importing the videos that were found: each is stored, or listed with the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dlh.data.claim import Claim
from dlh.data.clips import DataError
from dlh.data.store.build import Recipe, StoreBuilder
from dlh.data.store.discover import Found, SourceFile
from dlh.data.store.read_ahead import Opened, Reading, read_ahead
from dlh.data.store.splits import SplitRule
from dlh.data.store.store import VERSION, Store
from dlh.data.video.arrays import clip_name, file_of
from dlh.data.video.decode import open_clips
from dlh.data.video.resize import check_target
from dlh.data.video.retime import check_rate


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress of an import.

    Attributes:
        files_done, files: finished, and in all.
        source: the file that is being read.
        frames, expected_frames: read of that file, and announced by it (None if it is silent).
    """

    files_done: int
    files: int
    source: str
    frames: int
    expected_frames: int | None


class Opener(Protocol):
    """Every video of a file, as :func:`dlh.data.video.decode.open_clips` gives them."""

    def __call__(
        self, path: Path, *, height: int, width: int, channels: int, fps: float | None = None
    ) -> Opened: ...


@dataclass(frozen=True, kw_only=True)
class Import:
    """An import that was checked and can begin.

    Attributes:
        root: what was searched; its name is the store's, unless ``name`` says another.
        found: the files in it.
        recipe: what decides the bytes of the store.
        rule: which file goes to which split.
        fps: the rate to which videos are brought; None keeps every frame.
        name: of the store, for people.
        opener: reads a file; None reads videos, pictures and arrays.
    """

    root: Path
    found: Found
    recipe: Recipe
    rule: SplitRule
    fps: float | None
    name: str
    opener: Opener | None = None

    @classmethod
    def of(
        cls,
        root: Path,
        found: Found,
        *,
        frame_shape: tuple[int, int, int],
        rule: SplitRule,
        fps: float | None = None,
        name: str | None = None,
        settings: Mapping[str, object] | None = None,
        opener: Opener | None = None,
    ) -> Import:
        """Checks what was asked for.

        Args:
            settings: what else the store records; an import does not continue one of other
                settings.

        Raises:
            DataError: no such frames, or no such rate.
        """
        channels, height, width = frame_shape
        check_target(height, width, channels)
        if fps is not None:
            check_rate(fps)
        recipe = Recipe(
            frame_shape=(channels, height, width),
            settings={
                "made_from": str(root),
                "store_version": VERSION,
                "fps": fps,
                **rule.settings(),
                **(settings or {}),
            },
            inputs=tuple(source.stamp() for source in found.sources),
        )
        return cls(
            root=root,
            found=found,
            recipe=recipe,
            rule=rule,
            fps=fps,
            name=root.name if name is None else name,
            opener=opener,
        )

    def build(self, claimed: Claim, progress: Callable[[Progress], None] | None) -> Store:
        """Stores every video that can be read.

        Raises:
            DataError: no video can be read, or the store cannot be written.
        """
        with StoreBuilder(claimed, self.recipe, name=self.name) as builder:
            for skipped in self.found.skipped:
                if not builder.has(skipped.source):
                    builder.skip(skipped.source, skipped.reason)
            known = {video.sha256: file_of(video.source) for video in builder.videos}
            missing = [source for source in self.found.sources if not builder.has(source.name)]
            done = len(self.found.sources) - len(missing)
            with closing(self._read_ahead(missing, builder)) as readings:
                for number, reading in enumerate(readings, start=done):
                    self._add(builder, reading, number, known, progress)
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
            files = self.rule.give(sorted({*map(file_of, names)}))
            return builder.finish(
                {name: files[file_of(name)] for name in names}, others=self.found.others
            )

    def _read_ahead(self, sources: list[SourceFile], builder: StoreBuilder) -> Generator[Reading]:
        channels, height, width = self.recipe.frame_shape
        opener = self.opener or open_clips
        return read_ahead(
            sources,
            lambda path: opener(path, height=height, width=width, channels=channels, fps=self.fps),
            wanted=lambda source, clip: not builder.has(_video_name(source, clip)),
            item_shape=(height, width, channels),
        )

    def _add(
        self,
        builder: StoreBuilder,
        reading: Reading,
        number: int,
        known: dict[str, str],
        progress: Callable[[Progress], None] | None,
    ) -> None:
        source = reading.source

        def tell(frames: int) -> None:
            if progress is not None:
                now = Progress(
                    files_done=number,
                    files=len(self.found.sources),
                    source=name,
                    frames=frames,
                    expected_frames=stream.expected_frames,
                )
                progress(now)

        with _skipping(builder, source.name, source.path):
            sha256 = reading.sha256()
            # Two copies of one file could come to lie on both sides of the split.
            if known.get(sha256, source.name) != source.name:
                raise DataError(f"has the same content as {known[sha256]}")
            for clip, stream in reading.clips():
                name = _video_name(source, clip)
                tell(0)
                with _skipping(builder, name, source.path):
                    builder.add(name, stream, sha256=sha256, progress=tell)
                    known[sha256] = source.name


def _video_name(source: SourceFile, clip: int | None) -> str:
    return source.name if clip is None else clip_name(source.name, clip)


@contextmanager
def _skipping(builder: StoreBuilder, name: str, path: Path) -> Generator[None]:
    """A file that cannot be used is recorded with the reason; the import continues."""
    try:
        yield
    except DataError as error:
        builder.skip(name, str(error).removeprefix(str(path)).lstrip(": "))
