"""Video files to stored frames: any size, any rate, streamed, with notes of every damage."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.arrays import (
    ARRAY_SUFFIXES,
    RECOGNISED,
    ArrayForm,
    open_array,
    read_clip,
    read_clips,
)
from dlh.data.video.frames import Frames
from dlh.data.video.images import has_pages, open_images, open_pages
from dlh.data.video.resize import Crop, Fit, Target
from dlh.data.video.video_file import VideoFile


class VideoWarning(UserWarning):
    """A video that was read was damaged, or something about it had to be assumed."""


def open_clips(
    path: Path, target: Target, form: ArrayForm = RECOGNISED
) -> Iterator[tuple[int | None, Frames]]:
    """Every video of a file or folder: (number of the clip, frames); None numbers an only one.

    Read them in order, each before the next is asked for, or not at all. ``form`` is what is known
    of an array file.

    Raises:
        DataError: the file is missing, empty, unreadable or holds no video.
    """
    if not path.is_dir() and path.suffix.lower() in ARRAY_SUFFIXES:
        yield from read_clips(path, target, form)
    else:
        yield None, open_frames(path, target)


def open_frames(path: Path, target: Target, form: ArrayForm = RECOGNISED) -> Frames:
    """The only video of a file or folder; ``form`` is what is known of an array file.

    Raises:
        DataError: as by :func:`open_clips`, or it is an array of several clips.
    """
    if path.is_dir():
        return open_images(path, target)
    if has_pages(path):
        return open_pages(path, target)
    if path.suffix.lower() not in ARRAY_SUFFIXES:
        return VideoFile(path, target)
    array = open_array(path, form)
    if array.layout.clips > 1:
        array.close()
        raise DataError(
            f"{path} holds {array.layout.clips} clips, expected one video; save the one you want "
            "as (frames, height, width, channel), or import the file into a store"
        )
    return read_clip(array, 0, path, target, form)


class Video:
    """An open video, decoded once: its properties, then its frames, piece by piece.

    The first frame is decoded when the video is opened, so that its size is known and a file
    without a usable frame is an error at once. The attributes are those of
    :class:`dlh.data.video.frames.Frames`; ``times[n]`` is that of frame n once it was read;
    ``retimed_to`` the rate that was asked for, None where every frame is kept.
    """

    def __init__(self, stream: Frames) -> None:
        self._stream = stream
        self.path, self.target, self.source_fps = stream.path, stream.target, stream.source_fps
        self.notes, self.times = stream.notes, stream.times
        rest = iter(stream)
        self._rest = itertools.chain([next(rest)], rest)
        self.expected_frames = stream.expected_frames
        self.retimed_to = stream.target.fps
        assert stream.source_size is not None
        self.source_size = stream.source_size
        self._warned = 0

    @property
    def fps(self) -> float:
        """See :class:`dlh.data.video.frames.Frames`."""
        return self._stream.fps

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
    crop: Crop | None = None,
    fit: Fit = "squash",
    form: ArrayForm = RECOGNISED,
) -> Video:
    """Opens a video file, a folder of pictures or an array file, of which ``form`` is known; see
    :class:`Target` for the rest.

    Raises:
        DataError: see :func:`open_frames`; or not a single frame can be decoded.
    """
    target = Target(height=height, width=width, channels=channels, fps=fps, crop=crop, fit=fit)
    return Video(open_frames(Path(path), target, form))


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
