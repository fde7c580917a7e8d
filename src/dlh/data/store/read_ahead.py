"""Several files at once, each decoded by a thread of its own, and given out in their order.

Decoding and resizing leave Python's lock alone, so that threads share the cores. Each is at most
some megabytes ahead of whoever stores the frames; how long the videos are makes no difference to
the memory.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlh.data.clips import DataError
from dlh.data.store.discover import SourceFile
from dlh.data.video.frames import Frames, blocks
from dlh.data.video.video_file import VideoFile

_AHEAD_BYTES = 2**23
MOST_AT_ONCE = 8


@dataclass(frozen=True)
class _Hashed:
    sha256: str


@dataclass(frozen=True)
class _Begun:
    clip: int | None
    stream: Frames


@dataclass(frozen=True)
class _Ended:
    """Of a clip, or of the file; with what ended it, unless that is its end."""

    error: BaseException | None = None


_Item = _Hashed | _Begun | _Ended | np.ndarray


class _Stopped(Exception):
    """Nobody wants the rest."""


class ReadAhead:
    """Files that are read before they are asked for; a context that leaves no thread behind.

    Args:
        sources: the files, in the order in which :meth:`__iter__` gives them.
        open_clips: opens every video of a file, see :func:`dlh.data.video.decode.open_clips`.
        wanted: whether a video (file, number of the clip) is to be read; called by other threads.
        item_shape: (height, width, channel) of the frames.
        at_once: how many files; None for one on each core, up to 8.
    """

    def __init__(
        self,
        sources: Sequence[SourceFile],
        open_clips: Callable[[Path], Iterator[tuple[int | None, Frames]]],
        *,
        wanted: Callable[[SourceFile, int | None], bool],
        item_shape: tuple[int, int, int],
        at_once: int | None = None,
    ) -> None:
        self.open_clips = open_clips
        self.wanted = wanted
        self.item_shape = item_shape
        self.news = threading.Condition()  # something was read, or room was made for it
        self.stopped = False
        self._waiting = deque(sources)
        self._readings: deque[Reading] = deque()
        self._at_once = at_once or min(MOST_AT_ONCE, os.cpu_count() or 1)

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(self, *_: object) -> None:
        with self.news:
            self.stopped = True
            self.news.notify_all()
        for reading in self._readings:
            reading.thread.join()

    def __iter__(self) -> Iterator[Reading]:
        """One file after the other; what was not read of one is dropped when the next is asked
        for.
        """
        while self._waiting or self._readings:
            with self.news:
                self.begin_more()
            reading = self._readings[0]
            yield reading
            reading.close()
            self._readings.popleft()

    def begin_more(self) -> None:
        """Starts as many files as may be read now; ``news`` is held."""
        while self._waiting and len(self._readings) < self._at_once:
            if self._readings and self._readings[-1].alone is not False:
                return  # it has all cores, or it is not known yet
            self._readings.append(Reading(self, self._waiting.popleft()))


class Reading:
    """One file that a thread reads.

    Attributes:
        source: the file.
        alone: whether it takes all cores by itself; None until that is known.
    """

    def __init__(self, ahead: ReadAhead, source: SourceFile) -> None:
        self.source = source
        self.alone: bool | None = None
        self._ahead = ahead
        self._items: deque[_Item] = deque()
        self._bytes = 0
        self._closed = False
        self.thread = threading.Thread(target=self._run, name=f"read {source.name}", daemon=True)
        self.thread.start()

    def sha256(self) -> str:
        """Of the file; to be asked first. DataError where the file cannot be read."""
        item = self._next()
        if isinstance(item, _Ended):
            assert item.error is not None
            raise item.error
        assert isinstance(item, _Hashed)
        return item.sha256

    def clips(self) -> Iterator[tuple[int | None, Frames]]:
        """Every video of the file that is wanted: (number of the clip, stream), as
        :func:`dlh.data.video.decode.open_clips` gives them. Raises what ended the file early.
        """
        while isinstance(item := self._next(), _Begun):
            stream = _Passed(item.stream, self._next)
            yield item.clip, stream
            stream.drop()
        assert isinstance(item, _Ended)
        if item.error is not None:
            raise item.error

    def close(self) -> None:
        """Ends the thread; the rest of the file is not read."""
        with self._ahead.news:
            self._closed = True
            self._items.clear()
            self._ahead.news.notify_all()
        self.thread.join()

    def _next(self) -> _Item:
        news = self._ahead.news
        with news:
            while not self._items:
                self._ahead.begin_more()
                news.wait()
            item = self._items.popleft()
            if isinstance(item, np.ndarray):
                self._bytes -= item.nbytes
                news.notify_all()
            self._ahead.begin_more()
        return item

    def _put(self, item: _Item) -> None:
        """Hands on, once there is room."""
        news = self._ahead.news
        with news:
            while self._bytes >= _AHEAD_BYTES and not (self._closed or self._ahead.stopped):
                news.wait()
            if self._closed or self._ahead.stopped:
                raise _Stopped
            self._items.append(item)
            if isinstance(item, np.ndarray):
                self._bytes += item.nbytes
            news.notify_all()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._put(_Hashed(self.source.sha256()))
            opened = self._ahead.open_clips(self.source.path)
            for clip, stream in opened:
                if self._ahead.wanted(self.source, clip):
                    self._share_cores(stream)
                    self._read(clip, stream)
        except _Stopped:
            return
        except BaseException as caught:  # for the thread that asked
            error = caught
        self.alone = self.alone or False
        try:
            self._put(_Ended(error))
        except _Stopped:
            return

    def _read(self, clip: int | None, stream: Frames) -> None:
        self._put(_Begun(clip, stream))
        try:
            for block in blocks(stream, self._ahead.item_shape):
                self._put(block)
        except DataError as error:
            self._put(_Ended(error))
        else:
            self._put(_Ended())

    def _share_cores(self, stream: Frames) -> None:
        """Short files are read side by side, one core each, which wastes none of it. A long one
        would stop when it is far enough ahead, so it gets all cores when it is its turn.
        """
        frames, item = stream.expected_frames, int(np.prod(self._ahead.item_shape))
        short = frames is not None and frames * item <= _AHEAD_BYTES
        if isinstance(stream, VideoFile):
            if short:
                stream.use_one_thread()
            self.alone = stream.threads > 1
        else:
            self.alone = False


class _Passed:
    """A stream whose frames another thread reads; see :class:`dlh.data.video.frames.Frames`."""

    def __init__(self, stream: Frames, following: Callable[[], _Item]) -> None:
        self.path = stream.path
        self.fps = stream.fps
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
        assert isinstance(item, _Ended)
        self._ended = True
        self.source_size = self._stream.source_size
        self.notes += self._stream.notes
        if item.error is not None:
            raise item.error

    def drop(self) -> None:
        """Passes over what was not taken, and over what was wrong with it."""
        while not self._ended:
            self._ended = not isinstance(self._following(), np.ndarray)
