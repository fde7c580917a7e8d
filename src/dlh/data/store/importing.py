"""Importing the videos that were found: each is stored, or listed with the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from dlh.data.claim import Claim
from dlh.data.clips import DataError
from dlh.data.store.build import Recipe, StoreBuilder
from dlh.data.store.discover import Found
from dlh.data.store.read_ahead import Opened, Reading, read_ahead
from dlh.data.store.splits import SplitRule
from dlh.data.store.store import VERSION, Store
from dlh.data.video.arrays import clip_name, file_of
from dlh.data.video.decode import open_clips
from dlh.data.video.resize import Target

Opener = Callable[[Path, Target], Opened]
"""Opens every video of a file, as :func:`dlh.data.video.decode.open_clips` does."""

READER = 2
"""Of what is read of a file: where that changes, what was decoded before is decoded again."""
MOST_REASONS = 5
"""That an error lists."""


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
    frames: int = 0
    expected_frames: int | None = None


@dataclass(frozen=True, kw_only=True)
class Import:
    """An import that can begin.

    Attributes:
        root: what was searched.
        found: the files in it.
        target: the form of the stored frames.
        rule: which file goes to which split.
        name: of the store, for people; None takes that of ``root``.
        settings: what else the store records; an import does not continue one of other settings.
        opener: reads a file.
    """

    root: Path
    found: Found
    target: Target
    rule: SplitRule
    name: str | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    opener: Opener = open_clips

    @cached_property
    def recipe(self) -> Recipe:
        """What decides the bytes of the store."""
        height, width, channels = self.target.shape
        framing: dict[str, object] = {}  # only where there is one: older stores are found again
        if self.target.crop is not None or self.target.fit != "squash":
            framing = {"crop": self.target.crop and list(self.target.crop), "fit": self.target.fit}
        return Recipe(
            frame_shape=(channels, height, width),
            settings={
                "made_from": str(self.root),
                "store_version": VERSION,
                "reader": READER,
                "fps": self.target.fps,
                **framing,
                **self.rule.settings(),
                **self.settings,
            },
            inputs=tuple(source.stamp() for source in self.found.sources),
        )

    def build(self, claimed: Claim, progress: Callable[[Progress], None] | None) -> Store:
        """Stores every video that can be read.

        Raises:
            DataError: no video can be read, or the store cannot be written.
        """
        sources = self.found.sources
        with StoreBuilder(claimed, self.recipe, name=self.name or self.root.name) as builder:
            for skipped in self.found.skipped:
                if not builder.has(skipped.source):
                    builder.skip(skipped.source, skipped.reason)
            known = {video.sha256: file_of(video.source) for video in builder.videos}
            missing = [source for source in sources if not builder.has(source.name)]
            readings = read_ahead(
                missing,
                lambda path: self.opener(path, self.target),
                wanted=lambda source, clip: not builder.has(clip_name(source.name, clip)),
            )
            tell = progress or (lambda now: None)
            with closing(readings):
                for number, reading in enumerate(readings, start=len(sources) - len(missing)):
                    now = Progress(
                        files_done=number, files=len(sources), source=reading.source.name
                    )
                    _store_file(builder, reading, known, now, tell)
            if not builder.videos:
                reasons = [f"{entry.source} {entry.reason}" for entry in builder.skipped]
                builder.discard()
                if (more := len(reasons) - MOST_REASONS) > 0:
                    reasons[MOST_REASONS:] = [f"and {more} more"]
                raise DataError(
                    f"none of the {len(sources)} videos in {self.root} can be used: "
                    + "; ".join(reasons)
                )
            names = [video.source for video in builder.videos]
            files = self.rule.give(sorted({*map(file_of, names)}))
            splits = {name: files[file_of(name)] for name in names}
            return builder.finish(splits, others=self.found.others)


def _store_file(
    builder: StoreBuilder,
    reading: Reading,
    known: dict[str, str],
    now: Progress,
    tell: Callable[[Progress], None],
) -> None:
    source = reading.source
    with _skipping(builder, source.name, source.path):
        sha256 = reading.sha256()
        # Two copies of one file could come to lie on both sides of the split.
        if known.get(sha256, source.name) != source.name:
            raise DataError(f"has the same content as {known[sha256]}")
        for clip, frames in reading.clips():
            name = clip_name(source.name, clip)
            begun = replace(now, source=name, expected_frames=frames.expected_frames)
            tell(begun)
            with _skipping(builder, name, source.path):
                builder.add(
                    name,
                    frames,
                    sha256=sha256,
                    progress=lambda count, begun=begun: tell(replace(begun, frames=count)),
                )
                known[sha256] = source.name


@contextmanager
def _skipping(builder: StoreBuilder, name: str, path: Path) -> Generator[None]:
    """A file that cannot be used is recorded with the reason; the import continues."""
    try:
        yield
    except DataError as error:
        builder.skip(name, str(error).removeprefix(str(path)).lstrip(": "))
