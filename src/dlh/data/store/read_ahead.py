"""Several files at once, each decoded by a thread of its own, and given out in their order.

Decoding and resizing release Python's lock, so threads share the cores. Each file waits in a queue
of a few blocks for whoever stores it; the length of the videos does not affect the memory.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import numpy as np

from dlh.data.clips import DataError
from dlh.data.store.discover import SourceFile
from dlh.data.video.frames import Frames, frames_in_block
from dlh.data.video.video_file import VideoFile

MOST_AT_ONCE = 8
_BLOCKS_AHEAD = 8

Opened = Iterator[tuple[int | None, Frames]]
"""Every video of a file, as :func:`dlh.data.video.decode.open_clips` gives them."""


@dataclass(frozen=True)
class _Clip:
    """The beginning of a clip."""

    number: int | None
    frames: Frames


@dataclass(frozen=True)
class _ClipEnd:
    """The end of a clip; ``error`` is set if reading it failed."""

    error: DataError | None


def read_ahead(
    sources: Sequence[SourceFile],
    open_clips: Callable[[Path], Opened],
    *,
    wanted: Callable[[SourceFile, int | None], bool],
    at_once: int | None = None,
) -> Generator[Reading]:
    """The files in their order, each read by a thread before it is asked for.

    What was not read of a file is dropped when the next is asked for. When the iterator is closed
    no thread is left.

    Args:
        sources: the files.
        open_clips: opens every video of a file.
        wanted: whether a video (file, number of the clip) is to be read; called by other threads.
        at_once: how many files; None for one on each core, up to 8.
    """
    at_once = at_once or min(MOST_AT_ONCE, os.cpu_count() or 1)
    waiting, readings = deque(sources), deque[Reading]()
    with ThreadPoolExecutor(at_once, thread_name_prefix="read") as pool:
        try:
            while waiting or readings:
                while waiting and len(readings) < at_once:
                    readings.append(Reading(waiting.popleft(), open_clips, wanted, pool))
                readings[0].turn.set()
                yield readings[0]
                readings.popleft().close()
        finally:
            for reading in readings:
                reading.close()


class Reading:
    """One file that another thread reads.

    Attributes:
        source: the file.
        turn: is set when this file is the one to be stored.
    """

    def __init__(
        self,
        source: SourceFile,
        open_clips: Callable[[Path], Opened],
        wanted: Callable[[SourceFile, int | None], bool],
        pool: ThreadPoolExecutor,
    ) -> None:
        self.source = source
        self.turn = threading.Event()
        # The file's SHA-256, its clips with their blocks, and None at its end.
        self._items: Queue[str | _Clip | np.ndarray | _ClipEnd | None] = Queue(_BLOCKS_AHEAD)
        self._is_closed = self._is_over = False
        self._work: Future[None] = pool.submit(self._run, open_clips, wanted)

    def sha256(self) -> str:
        """Of the file; to be asked first. Raises why the file cannot be read."""
        item = self._next()
        if item is None:
            self._work.result()
        assert isinstance(item, str)
        return item

    def clips(self) -> Opened:
        """Every video of the file that is wanted: (number of the clip, frames). Raises what ended
        the file early.
        """
        while isinstance(item := self._next(), _Clip):
            frames = _PassedFrames(item.frames, self._next)
            yield item.number, frames
            frames.drop()
        self._work.result()

    def close(self) -> None:
        """Drops the rest of the file; the thread is done with it."""
        self._is_closed = True
        self.turn.set()
        while not self._is_over:
            self._next()

    def _next(self) -> str | _Clip | np.ndarray | _ClipEnd | None:
        item = None if self._is_over else self._items.get()
        self._is_over = item is None
        return item

    def _run(
        self,
        open_clips: Callable[[Path], Opened],
        wanted: Callable[[SourceFile, int | None], bool],
    ) -> None:
        """Reads the file; the work of the other thread."""
        try:
            self._items.put(self.source.sha256())
            for number, frames in open_clips(self.source.path):
                if self._is_closed:
                    break
                if wanted(self.source, number):
                    self._share_cores(frames)
                    self._items.put(_Clip(number, frames))
                    self._items.put(self._read(frames))
        finally:
            self._items.put(None)

    def _read(self, frames: Frames) -> _ClipEnd:
        try:
            for block in frames.blocks(frames_in_block(frames.target)):
                if self._is_closed:
                    break
                self._items.put(block)
        except DataError as error:
            return _ClipEnd(error)
        return _ClipEnd(None)

    def _share_cores(self, frames: Frames) -> None:
        """Short films are read side by side, with one core each. A long large one would soon fill
        its queue, so it waits for its turn and then has several cores.
        """
        if isinstance(frames, VideoFile) and frames.threads > 1:
            most = _BLOCKS_AHEAD * frames_in_block(frames.target)
            if frames.expected_frames is not None and frames.expected_frames <= most:
                frames.use_one_thread()
            else:
                self.turn.wait()


class _PassedFrames(Frames):
    """Frames that another thread reads."""

    def __init__(self, frames: Frames, following: Callable[[], object]) -> None:
        super().__init__(frames.path, frames.target, frames.fps, frames.expected_frames)
        self._frames = frames
        self._following = following
        self._is_over = False

    def blocks(self, count: int) -> Iterator[np.ndarray]:
        """The blocks as they were gathered, whatever ``count``."""
        while isinstance(item := self._following(), np.ndarray):
            yield item
        self._is_over = True
        self.source_size, self.fps = self._frames.source_size, self._frames.fps
        self.notes += self._frames.notes
        if isinstance(item, _ClipEnd) and item.error is not None:
            raise item.error

    def drop(self) -> None:
        """Skips what was not taken, and what was wrong with it."""
        while not self._is_over:
            self._is_over = not isinstance(self._following(), np.ndarray)
