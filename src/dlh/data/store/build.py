"""Building a clip store: streamed, complete or absent, and continued after an interruption."""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from dlh.data.claim import Claim
from dlh.data.clips import DataError, Split
from dlh.data.store.shards import HEADER_BYTES, ShardFile
from dlh.data.store.store import (
    INDEX,
    Index,
    Skipped,
    Store,
    StoredVideo,
    checksum,
    shard_file,
    stored_shape,
)
from dlh.data.video.frames import Frames, frames_in_block
from dlh.files.writing import explain, os_errors_as, put_in_place, write_atomically

_JOURNAL = "journal.jsonl"
_RECIPE = "recipe.json"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What decides the bytes of a store; a build is continued only by one of the same recipe.

    Attributes:
        frame_shape: (channel, height, width).
        settings: recorded in the index (frame rate, seed, ...); of JSON's types.
        inputs: the source files, each with whatever changes when the file does (size, time of
            change).
    """

    frame_shape: tuple[int, int, int]
    settings: Mapping[str, object]
    inputs: tuple[tuple[str, ...], ...]

    def digest(self) -> str:
        """SHA-256 of the recipe."""
        # With a field that recipes had once: the stores in the cache keep their names.
        plain = asdict(self) | {"has_events": False}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


class StoreBuilder:
    """Writes a store beside its final place and moves it there when it is complete.

    Used as a context::

        with claim(out, wait=False) as claimed:
            with StoreBuilder(claimed, recipe, name="kth") as builder:
                for source in sources:
                    if not builder.has(source):
                        builder.add(source, open_frames(...), sha256=...)
                store = builder.finish(splits)

    After an error or a kill the finished videos stay in ``.NAME.unfinished``, listed in a journal
    of one JSON object a line, and the next build of the same recipe continues after them. After an
    error of writing, such as a full disk, everything is removed.

    Args:
        shard_bytes: a new shard is begun when the last one holds at least this much.
    """

    def __init__(
        self, claimed: Claim, recipe: Recipe, *, name: str, shard_bytes: int = 2**30
    ) -> None:
        if claimed.path.exists():
            raise DataError(
                f"{claimed.path} exists; choose another place, or remove it first",
                code="store-exists",
            )
        self._claimed = claimed
        self._recipe = recipe
        self._name = name
        self._item_shape = stored_shape(recipe.frame_shape)
        self._frame_bytes = int(np.prod(self._item_shape))
        self._shard_bytes = shard_bytes
        self._entries: dict[str, StoredVideo | Skipped] = {}
        self._shard: ShardFile | None = None  # the one that grows
        self._finished_shards: list[int] = []
        self._journal = claimed.unfinished / _JOURNAL

    def __enter__(self) -> StoreBuilder:
        with os_errors_as(DataError, f"{self._claimed.path} cannot be made"):
            self._resume()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        self._close()
        if isinstance(error, OSError):
            self.discard()
            raise DataError(
                f"{self._claimed.path} could not be written ({explain(error)}); the unfinished "
                "store was removed"
            ) from error

    @property
    def videos(self) -> tuple[StoredVideo, ...]:
        """What is stored so far; the splits are assigned at the end."""
        return tuple(entry for entry in self._entries.values() if isinstance(entry, StoredVideo))

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What cannot be used, and why."""
        return tuple(entry for entry in self._entries.values() if isinstance(entry, Skipped))

    def has(self, source: str) -> bool:
        """Whether this source needs no more work: it is stored, or was skipped."""
        return source in self._entries

    def add(
        self,
        source: str,
        stream: Frames,
        *,
        sha256: str,
        progress: Callable[[int], None] | None = None,
    ) -> StoredVideo:
        """Stores a stream of frames as one video; on any error nothing of it stays.

        Args:
            sha256: of the source file.
            progress: receives the number of frames so far, now and then.

        Raises:
            DataError: the stream cannot be read, or holds fewer than two frames.
        """
        shard = self._open_shard()
        offset, crc = shard.items, 0
        try:
            for block in stream.blocks(frames_in_block(stream.target)):
                crc = zlib.crc32(block.data, crc)
                shard.append(block)
                if progress is not None:
                    progress(shard.items - offset)
            length = shard.items - offset
            if length < 2:
                raise DataError("holds one frame; a video has at least two")
        except BaseException:
            shard.rewind(offset)
            raise
        assert stream.source_size is not None
        video = StoredVideo(
            source=source,
            split="train",  # until finish assigns the splits
            shard=len(self._finished_shards),
            offset=offset,
            length=length,
            fps=stream.fps,
            sha256=sha256,
            crc32=f"{crc:08x}",
            source_size=stream.source_size,
            notes=tuple(stream.notes),
        )
        self._note(video)
        return video

    def skip(self, source: str, reason: str) -> None:
        """Records a file that cannot be used; a continued build does not try it again."""
        self._note(Skipped(source=source, reason=reason))

    def discard(self) -> None:
        """Removes what was begun; nothing is left for a later build."""
        self._close()
        shutil.rmtree(self._claimed.unfinished, ignore_errors=True)

    def finish(
        self, splits: Mapping[str, Split], *, others: Mapping[str, int] | None = None
    ) -> Store:
        """Assigns the splits, writes the index and moves the store to its place.

        Args:
            splits: of every video that was added.
            others: how many files of each suffix were not videos.
        """
        videos = [replace(video, split=splits[video.source]) for video in self.videos]
        if not videos:
            raise DataError("a store holds at least one video, found none")
        self._finish_shard()
        index = Index(
            name=self._name,
            frame_shape=self._recipe.frame_shape,
            shard_frames=tuple(self._finished_shards),
            videos=tuple(sorted(videos, key=lambda video: video.source)),
            skipped=tuple(sorted(self.skipped, key=lambda skipped: skipped.source)),
            others=dict(others or {}),
            settings=dict(self._recipe.settings),
        )
        unfinished = self._claimed.unfinished
        write_atomically(unfinished / INDEX, index.to_json().encode())
        self._journal.unlink(missing_ok=True)
        (unfinished / _RECIPE).unlink()
        put_in_place(unfinished, self._claimed.path)
        return Store.open(self._claimed.path)

    def _open_shard(self, items: int = 0) -> ShardFile:
        shard = self._shard
        if shard is not None and shard.items * self._frame_bytes >= self._shard_bytes:
            self._finish_shard()
        if self._shard is None:
            file = self._claimed.unfinished / shard_file(len(self._finished_shards))
            self._shard = ShardFile(file, self._item_shape, items=items)
        return self._shard

    def _finish_shard(self) -> None:
        if self._shard is None:
            return
        if self._shard.items:  # else begun for a video that failed
            self._finished_shards.append(self._shard.items)
        self._shard.finish()
        self._shard = None

    def _close(self) -> None:
        if self._shard is not None:
            self._shard.close()
        self._shard = None

    def _note(self, *entries: StoredVideo | Skipped, mode: str = "a") -> None:
        with open(self._journal, mode, encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(entry)) + "\n" for entry in entries)
        self._entries |= {entry.source: entry for entry in entries}

    def _resume(self) -> None:
        """Takes over what an interrupted build of the same recipe left, or starts from nothing."""
        folder = self._claimed.unfinished
        recipe = folder / _RECIPE
        if not recipe.exists() or recipe.read_text(encoding="utf-8") != self._recipe.digest():
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir()
            write_atomically(recipe, self._recipe.digest().encode())
        self._note(*self._intact(), mode="w")  # without what a kill cut off
        ends = {video.shard: video.offset + video.length for video in self.videos}
        kept = {shard_file(number) for number in ends}
        for shard in folder.glob("*.npy"):
            if shard.name not in kept:
                shard.unlink()
        if ends:
            *closed, last = sorted(ends)
            self._finished_shards = [ends[number] for number in closed]
            self._open_shard(ends[last])

    def _intact(self) -> list[StoredVideo | Skipped]:
        """The entries of the journal, up to the first that is cut off or whose frames are not in
        the shards as written.

        Finished shards are on the disk for certain and their size is enough; the last is compared.
        """
        entries: list[StoredVideo | Skipped] = []
        text = self._journal.read_bytes() if self._journal.exists() else b""
        for line in text.decode("utf-8", errors="replace").splitlines():
            try:
                plain = json.loads(line)
                entries.append(
                    Skipped(**plain) if "reason" in plain else StoredVideo.from_plain(plain)
                )
            except (ValueError, TypeError, KeyError):
                break
        last = max((entry.shard for entry in entries if isinstance(entry, StoredVideo)), default=-1)
        for number, entry in enumerate(entries):
            if isinstance(entry, StoredVideo) and not self._holds(entry, entry.shard == last):
                return entries[:number]
        return entries

    def _holds(self, video: StoredVideo, compare: bool) -> bool:
        path = self._claimed.unfinished / shard_file(video.shard)
        begin = HEADER_BYTES + video.offset * self._frame_bytes
        size = video.length * self._frame_bytes
        if not path.exists() or path.stat().st_size < begin + size:
            return False
        shape = (video.length, *self._item_shape)
        frames = np.memmap(path, np.uint8, mode="r", offset=begin, shape=shape)
        return not compare or checksum(frames) == video.crc32
