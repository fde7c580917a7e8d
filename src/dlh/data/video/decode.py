"""Video files to stored frames: any size, any rate, streamed, with notes of every damage."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.array_file import ARRAY_SUFFIXES, open_array
from dlh.data.video.arrays import ArrayVideo
from dlh.data.video.frames import Frames
from dlh.data.video.images import ImageSequence
from dlh.data.video.video_file import VideoFile


class VideoWarning(UserWarning):
    """Something a person should know of a video that was read: damage, or an assumption."""


def open_frames(
    path: str | os.PathLike[str],
    *,
    height: int,
    width: int,
    channels: int,
    fps: float | None = None,
) -> Frames:
    """A video file, a folder of pictures or an array file, as a stream of frames of one size.

    Args:
        fps: re-times a video to this rate (frames are repeated or left out); for pictures and
            arrays, their rate. None keeps every frame.

    Raises:
        DataError: the file is missing, empty, unreadable or holds no video, or an array of several
            clips, which :func:`open_clips` reads.
    """
    path = Path(path)
    if path.is_dir():
        return ImageSequence(path, height=height, width=width, channels=channels, fps=fps)
    if path.suffix.lower() not in ARRAY_SUFFIXES:
        return VideoFile(path, height=height, width=width, channels=channels, fps=fps)
    array = open_array(path)
    if array.layout.clips > 1:
        array.close()
        raise DataError(
            f"{path} holds {array.layout.clips} clips, and one video is wanted; save the one as "
            "(frames, height, width, channel), or import the file into a store"
        )
    return ArrayVideo(path, array, height=height, width=width, channels=channels, fps=fps)


def open_clips(
    path: str | os.PathLike[str],
    *,
    height: int,
    width: int,
    channels: int,
    fps: float | None = None,
) -> Iterator[tuple[int | None, Frames]]:
    """Every video of a file: (number of the clip, stream); the number is None of an only one.

    The streams are to be read in order, each before the next is asked for, or not at all.

    Raises:
        DataError: see :func:`open_frames`.
    """
    path = Path(path)
    if path.is_dir() or path.suffix.lower() not in ARRAY_SUFFIXES:
        yield None, open_frames(path, height=height, width=width, channels=channels, fps=fps)
        return
    with closing(open_array(path)) as array:
        clips = array.layout.clips
        for clip in range(clips):
            stream = ArrayVideo(
                path, array, clip, height=height, width=width, channels=channels, fps=fps
            )
            yield (clip if clips > 1 else None), stream


class Video:
    """An open video, decoded once: its properties, then its frames, piece by piece.

    The first frame is decoded when the video is opened, so that its size is known and a file
    without a usable frame is an error at once.

    Attributes:
        path: the file or folder.
        fps: frames a second of the frames given out.
        expected_frames: the number that the file announces, or None.
        source_size: (width, height) as displayed, before resizing.
        notes: damage and assumptions, for a person; complete when all was read.
    """

    def __init__(self, stream: Frames) -> None:
        self.path, self.fps, self.notes = stream.path, stream.fps, stream.notes
        self._rest = iter(stream)
        first = next(self._rest)
        self.expected_frames = stream.expected_frames
        assert stream.source_size is not None
        self.source_size = stream.source_size
        self._rest = itertools.chain([first], self._rest)
        self._warned = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        """The remaining frames, uint8 (height, width, channel), one at a time."""
        return self._rest

    def read(self, frames: int | None = None) -> np.ndarray:
        """The next frames, fewer at the end: uint8 (time, height, width, channel).

        Warns with :class:`VideoWarning` of new notes.

        Raises:
            DataError: ``frames`` is not positive, the file cannot be read on, or all was read.
        """
        if frames is not None and frames < 1:
            raise DataError(f"at least one frame is to be read, found frames = {frames}")
        piece = self._next(frames)
        if not piece:
            raise DataError(f"{self.path} has no more frames")
        return np.stack(piece)

    def pieces(self, length: int) -> Iterator[np.ndarray]:
        """The remaining frames, up to ``length`` at a time; see :meth:`read`."""
        while piece := self._next(length):
            yield np.stack(piece)

    def _next(self, frames: int | None) -> list[np.ndarray]:
        piece = list(itertools.islice(self._rest, frames))
        for note in self.notes[self._warned :]:
            warnings.warn(f"{self.path}: {note}", VideoWarning, stacklevel=3)
        self._warned = len(self.notes)
        return piece


def open_video(
    path: str | os.PathLike[str],
    *,
    height: int,
    width: int,
    channels: int,
    fps: float | None = None,
) -> Video:
    """Opens a video file, a folder of pictures or an array file, resized to one size of frame.

    For all who want one video: it is opened once and decoded once. An import into a store, which
    also reads files of several clips, uses :func:`open_clips`.

    Args:
        height, width: of the frames given out, pixels.
        channels: 3 for colour, 1 for grey.
        fps: see :func:`open_frames`.

    Raises:
        DataError: see :func:`open_frames`; or not a single frame can be decoded.
    """
    return Video(open_frames(path, height=height, width=width, channels=channels, fps=fps))


def read_video(
    path: str | os.PathLike[str],
    *,
    height: int,
    width: int,
    channels: int,
    fps: float | None = None,
    frames: int | None = None,
) -> tuple[np.ndarray, float]:
    """A whole video, or its first ``frames`` frames, and the number of frames a second.

    See :func:`open_video` and :meth:`Video.read`.
    """
    video = open_video(path, height=height, width=width, channels=channels, fps=fps)
    return video.read(frames), video.fps
