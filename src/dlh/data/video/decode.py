"""Video files to stored frames: any size, any rate, streamed, and every damage said in one line."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from dlh.data.clips import DataError
from dlh.data.video.array_file import ARRAY_SUFFIXES, open_array
from dlh.data.video.arrays import ArrayVideo
from dlh.data.video.images import ImageSequence
from dlh.data.video.video_file import VideoFile


class VideoWarning(UserWarning):
    """What a person should know of a video that was read: damage, or something assumed."""


class Frames(Protocol):
    """Stored frames in one pass, whatever they come from.

    Attributes:
        path: the file or folder.
        fps: frames a second of what is given out.
        expected_frames: what the source announces, or None.
        source_size: (width, height) as displayed, known once the first frame was read.
        notes: what a person should know (damage, assumptions), complete when the pass is.
    """

    path: Path
    fps: float
    expected_frames: int | None
    source_size: tuple[int, int] | None
    notes: list[str]

    def __iter__(self) -> Iterator[np.ndarray]:
        """uint8 (height, width, channel), one at a time; :class:`DataError` if there is none."""
        ...


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a file says about itself; ``frames`` is its own claim, None where it makes none."""

    path: Path
    width: int
    height: int
    fps: float
    frames: int | None
    notes: tuple[str, ...]


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


def read_video(
    path: str | os.PathLike[str],
    *,
    height: int,
    width: int,
    channels: int,
    fps: float | None = None,
    frames: int | None = None,
) -> tuple[np.ndarray, float]:
    """A whole video, or its first ``frames`` frames.

    Returns uint8 (time, height, width, channel) and the number of frames a second.

    Warns with :class:`VideoWarning` where only a part could be read.

    Raises:
        DataError: no video there.
    """
    if frames is not None and frames < 1:
        raise DataError(f"at least one frame is to be read, found frames = {frames}")
    stream = open_frames(path, height=height, width=width, channels=channels, fps=fps)
    return first_frames(stream, frames), stream.fps


def first_frames(video: Frames, count: int | None = None) -> np.ndarray:
    """The first frames of a video, or all of them, uint8 (time, height, width, channel).

    Warns with :class:`VideoWarning` where only a part could be read.

    Raises:
        DataError: there is none.
    """
    kept = list(itertools.islice(video, count))
    for note in video.notes:
        warnings.warn(f"{video.path}: {note}", VideoWarning, stacklevel=2)
    return np.stack(kept)


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """What a file says about itself, after its first frame was decoded to see that it can be."""
    stream = open_frames(path, height=16, width=16, channels=1)
    next(iter(stream))
    assert stream.source_size is not None
    width, height = stream.source_size
    return VideoInfo(
        path=stream.path,
        width=width,
        height=height,
        fps=stream.fps,
        frames=stream.expected_frames,
        notes=tuple(stream.notes),
    )
