"""Several files at once, each decoded by a thread of its own, and given out in their order.

Decoding and resizing release Python's lock, so threads share the cores. Each file waits in a queue
of a few blocks for whoever stores it; the length of the videos does not affect the memory.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import numpy as np

from dlh.data.clips import DataError
from dlh.data.store.discover import SourceFile
from dlh.data.video.frames import BLOCK_BYTES, Frames, blocks
from dlh.data.video.video_file import VideoFile

MOST_AT_ONCE = 8
_BLOCKS_AHEAD = 8

Opened = Iterator[tuple[int | None, Frames]]
"""Every video of a file, as :func:`dlh.data.video.decode.open_clips` gives them."""


@dataclass(frozen=True)
class _Clip:
    """The beginning of a clip."""

    number: int | None
    stream: Frames


@dataclass(frozen=True)
class _End:
    """The end of a clip, or of the file; ``error`` is set if reading failed."""

    error: BaseException | None = None
    of_file: bool = False


def read_ahead(
    sources: Sequence[SourceFile],
    open_clips: Callable[[Path], Opened],
    *,
    wanted: Callable[[SourceFile, int | None], bool],
    item_shape: tuple[int, int, int],
    at_once: int | None = None,
) -> Generator[Reading]:
    """The files in their order, each read by a thread before it is asked for.

    What was not read of a file is dropped when the next is asked for. When the iterator is closed
    no thread is left.

    Args:
        sources: the files.
        open_clips: opens every video of a file.
        wanted: whether a video (file, number of the clip) is to be read; called by other threads.
        item_shape: (height, width, channel) of the frames.
        at_once: how many files; None for one on each core, up to 8.
    """
    at_once = at_once or min(MOST_AT_ONCE, os.cpu_count() or 1)
    waiting, readings = deque(sources), deque[Reading]()
    with ThreadPoolExecutor(at_once, thread_name_prefix="read") as pool:
        try:
            while waiting or readings:
                while waiting and len(readings) < at_once:
                    readings.append(Reading(waiting.popleft()))
                    pool.submit(readings[-1].run, open_clips, wanted, item_shape)
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

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.turn = threading.Event()
        self._items: Queue[str | _Clip | np.ndarray | _End] = Queue(_BLOCKS_AHEAD)
        self._closed = False
        self._end: _End | None = None

    def sha256(self) -> str:
        """Of the file; to be asked first. Raises why the file cannot be read."""
        item = self._next()
        if isinstance(item, _End) and item.error is not None:
            raise item.error
        assert isinstance(item, str)
        return item

    def clips(self) -> Opened:
        """Every video of the file that is wanted: (number of the clip, stream). Raises what ended
        the file early.
        """
        while isinstance(item := self._next(), _Clip):
            stream = _Passed(item.stream, self._next)
            yield item.number, stream
            stream.drop()
        if self._end is not None and self._end.error is not None:
            raise self._end.error

    def close(self) -> None:
        """Drops the rest of the file; the thread is done with it."""
        self._closed = True
        self.turn.set()
        while self._end is None:
            self._next()

    def run(
        self,
        open_clips: Callable[[Path], Opened],
        wanted: Callable[[SourceFile, int | None], bool],
        item_shape: tuple[int, int, int],
    ) -> None:
        """Reads the file; the work of the other thread."""
        error: BaseException | None = None
        try:
            self._items.put(self.source.sha256())
            for number, stream in open_clips(self.source.path):
                if self._closed:
                    break
                if wanted(self.source, number):
                    self._share_cores(stream, item_shape)
                    self._items.put(_Clip(number, stream))
                    self._items.put(self._read(stream, item_shape))
        except BaseException as caught:  # for the thread that asked
            error = caught
        self._items.put(_End(error, of_file=True))

    def _read(self, stream: Frames, item_shape: tuple[int, int, int]) -> _End:
        try:
            for block in blocks(stream, item_shape):
                if self._closed:
                    break
                self._items.put(block)
        except DataError as error:
            return _End(error)
        return _End()

    def _share_cores(self, stream: Frames, item_shape: tuple[int, int, int]) -> None:
        """Short films are read side by side, with one core each. A long large one would soon fill
        its queue, so it waits for its turn and then has several cores.
        """
        if isinstance(stream, VideoFile) and stream.threads > 1:
            frames = stream.expected_frames
            short = BLOCK_BYTES * _BLOCKS_AHEAD // int(np.prod(item_shape))
            if frames is not None and frames <= short:
                stream.use_one_thread()
            else:
                self.turn.wait()

    def _next(self) -> str | _Clip | np.ndarray | _End:
        if self._end is not None:
            return self._end
        item = self._items.get()
        if isinstance(item, _End) and item.of_file:
            self._end = item
        return item


class _Passed:
    """A stream whose frames another thread reads; see :class:`dlh.data.video.frames.Frames`."""

    def __init__(self, stream: Frames, following: Callable[[], object]) -> None:
        self.path, self.fps = stream.path, stream.fps
        self.expected_frames = stream.expected_frames
        self.source_size: tuple[int, int] | None = None
        self.notes: list[str] = []
        self._stream = stream
        self._following = following
        self._ended = False

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self.blocks(1):
            yield from block

    def blocks(self, count: int) -> Iterator[np.ndarray]:
        """The blocks as they were gathered."""
        while isinstance(item := self._following(), np.ndarray):
            yield item
        self._ended = True
        self.source_size = self._stream.source_size
        self.notes += self._stream.notes
        if isinstance(item, _End) and item.error is not None:
            raise item.error

    def drop(self) -> None:
        """Skips what was not taken, and what was wrong with it."""
        while not self._ended:
            self._ended = not isinstance(self._following(), np.ndarray)
