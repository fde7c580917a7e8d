"""Building a clip store: streamed, complete or absent, and continued after an interruption."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dlh.data.claim import Claim
from dlh.data.clips import DataError, Split
from dlh.data.store.journal import Journal, Recipe, intact
from dlh.data.store.shards import ShardFile
from dlh.data.store.store import INDEX, Index, Skipped, Store, StoredVideo, shard_file
from dlh.data.video.frames import blocks
from dlh.files.atomic import put_in_place, write_atomically

if TYPE_CHECKING:
    from dlh.data.video.frames import Frames

_JOURNAL = "journal.jsonl"
_RECIPE = "recipe.json"


class StoreBuilder:
    """Writes a store beside its final place and moves it there when it is complete.

    Used as a context::

        with claim(out, wait=False) as claimed:
            with StoreBuilder(claimed, recipe, name="kth") as builder:
                for source in sources:
                    if not builder.has(source):
                        builder.add(source, open_frames(...), sha256=...)
                store = builder.finish(splits)

    After an error or a kill the finished videos stay in ``.NAME.unfinished`` and the next build of
    the same recipe goes on from there. After a disk that is full or an error of writing, everything
    is removed.

    Args:
        shard_bytes: a new shard is begun when the last one holds at least this much.
    """

    def __init__(
        self, claimed: Claim, recipe: Recipe, *, name: str, shard_bytes: int = 2**30
    ) -> None:
        if claimed.path.exists():
            raise DataError(
                f"{claimed.path} exists already; choose another place, or remove it first"
            )
        self._claimed = claimed
        self._recipe = recipe
        self._name = name
        channels, height, width = recipe.frame_shape
        self._item_shape = (height, width, channels)
        self._frame_bytes = height * width * channels
        self._shard_bytes = shard_bytes
        self._videos: dict[str, StoredVideo] = {}
        self._skipped: dict[str, Skipped] = {}
        self._frames: ShardFile | None = None
        self._events: ShardFile | None = None
        self._finished_shards: list[int] = []
        self._journal = Journal(claimed.unfinished / _JOURNAL)

    def __enter__(self) -> StoreBuilder:
        try:
            self._resume()
        except OSError as error:
            raise DataError(f"{self._claimed.path} cannot be made: {error.strerror}") from None
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        self._close()
        if isinstance(error, OSError):
            self.discard()
            raise DataError(
                f"{self._claimed.path} could not be written: {error.strerror or error}; what was "
                "begun is removed"
            ) from error

    @property
    def videos(self) -> tuple[StoredVideo, ...]:
        """What is stored so far; the splits are given out at the end."""
        return tuple(self._videos.values())

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What cannot be used, and why."""
        return tuple(self._skipped.values())

    def has(self, source: str) -> bool:
        """Whether this source needs no more work: it is stored, or was skipped."""
        return source in self._videos or source in self._skipped

    def add(
        self,
        source: str,
        stream: Frames,
        *,
        sha256: str,
        events: np.ndarray | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> StoredVideo:
        """Stores a stream of frames as one video; on any error nothing of it stays.

        Args:
            sha256: of the source file.
            events: bool (time,), exactly where the recipe says so.
            progress: is told the number of frames so far, now and then.

        Raises:
            DataError: the stream does, or it holds fewer than two frames.
        """
        self._open_shard()
        assert self._frames is not None
        offset, crc = self._frames.items, 0
        try:
            for block in blocks(stream, self._item_shape):
                crc = zlib.crc32(block.data, crc)
                self._frames.append(block)
                if progress is not None:
                    progress(self._frames.items - offset)
            length = self._frames.items - offset
            if length < 2:
                raise DataError("holds one frame; a video has at least two")
            self._add_events(source, events, length)
        except BaseException:
            self._frames.rewind(offset)
            if self._events is not None:
                self._events.rewind(offset)
            raise
        assert stream.source_size is not None
        video = StoredVideo(
            source=source,
            split="train",  # until finish gives out the splits
            shard=len(self._finished_shards),
            offset=offset,
            length=length,
            fps=stream.fps,
            sha256=sha256,
            crc32=f"{crc:08x}",
            source_size=stream.source_size,
            notes=tuple(stream.notes),
        )
        self._journal.append(video)
        self._videos[source] = video
        return video

    def skip(self, source: str, reason: str) -> None:
        """Notes a file that cannot be used; it is not tried again when the build is continued."""
        skipped = Skipped(source=source, reason=reason)
        self._journal.append(skipped)
        self._skipped[source] = skipped

    def discard(self) -> None:
        """Removes what was begun; nothing is left for a later build."""
        self._close()
        shutil.rmtree(self._claimed.unfinished, ignore_errors=True)

    def finish(
        self, splits: Mapping[str, Split], *, others: Mapping[str, int] | None = None
    ) -> Store:
        """Gives out the splits, writes the index and moves the store to its place.

        Args:
            splits: of every video that was added.
            others: how many files of each suffix were not videos.
        """
        if not self._videos:
            raise DataError("a store holds at least one video")
        self._finish_shard()
        videos = [replace(video, split=splits[video.source]) for video in self._videos.values()]
        index = Index(
            name=self._name,
            frame_shape=self._recipe.frame_shape,
            shard_frames=tuple(self._finished_shards),
            has_events=self._recipe.has_events,
            videos=tuple(sorted(videos, key=lambda video: video.source)),
            skipped=tuple(sorted(self._skipped.values(), key=lambda skipped: skipped.source)),
            others=dict(others or {}),
            settings=dict(self._recipe.settings),
        )
        unfinished = self._claimed.unfinished
        write_atomically(unfinished / INDEX, index.to_json().encode())
        self._journal.path.unlink(missing_ok=True)
        (unfinished / _RECIPE).unlink()
        put_in_place(unfinished, self._claimed.path)
        return Store.open(self._claimed.path)

    def _add_events(self, source: str, events: np.ndarray | None, length: int) -> None:
        if (events is not None) != self._recipe.has_events:
            raise DataError("the events of all videos are known, or of none")
        if events is not None:
            if events.shape != (length,) or events.dtype != np.bool_:
                raise DataError(f"events are bool ({length},), found {events.dtype} {events.shape}")
            assert self._events is not None
            self._events.append(events)

    def _open_shard(self, frames: int = 0) -> None:
        if self._frames is not None and self._frames.items * self._frame_bytes >= self._shard_bytes:
            self._finish_shard()
        if self._frames is None:
            number, folder = len(self._finished_shards), self._claimed.unfinished
            self._frames = ShardFile(
                folder / shard_file("frames", number), self._item_shape, np.uint8, items=frames
            )
            if self._recipe.has_events:
                self._events = ShardFile(
                    folder / shard_file("events", number), (), np.bool_, items=frames
                )

    def _finish_shard(self) -> None:
        if self._frames is not None:
            if self._frames.items:  # else it was begun for a video that failed
                self._finished_shards.append(self._frames.items)
            for shard in (self._frames, self._events):
                if shard is not None:
                    shard.finish()
            self._frames = self._events = None

    def _close(self) -> None:
        for shard in (self._frames, self._events):
            if shard is not None:
                shard.close()
        self._frames = self._events = None

    def _resume(self) -> None:
        """Takes over what an interrupted build of the same recipe left, or begins anew."""
        folder = self._claimed.unfinished
        recipe = folder / _RECIPE
        if not recipe.exists() or recipe.read_text(encoding="utf-8") != self._recipe.digest():
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir()
            write_atomically(recipe, self._recipe.digest().encode())
        entries = intact(self._journal.entries(), folder, self._item_shape)
        self._journal.replace(entries)  # without what a kill cut off
        ends: dict[int, int] = {}
        for entry in entries:
            if isinstance(entry, Skipped):
                self._skipped[entry.source] = entry
            else:
                self._videos[entry.source] = entry
                ends[entry.shard] = entry.offset + entry.length
        for shard in folder.glob("*.npy"):
            if shard.name not in {
                shard_file(kind, n) for kind in ("frames", "events") for n in ends
            }:
                shard.unlink()
        if ends:
            *closed, open_shard = sorted(ends)
            self._finished_shards = [ends[number] for number in closed]
            self._open_shard(ends[open_shard])
