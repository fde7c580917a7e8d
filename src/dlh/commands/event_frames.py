"""The frames themselves: before and after each event, the clips between events, and the film.

A second reading of the video, at the size of its source.
"""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dlh.commands.event_outputs import Outputs
from dlh.commands.options import EventsOptions
from dlh.data.video.decode import Video, open_video
from dlh.data.video.encode import FilmWriter, writing_film
from dlh.errors import OutputError
from dlh.event_files.answer import Answer, Span, TimedEvent, spans
from dlh.event_files.document import LevelColumns
from dlh.event_files.timecode import clock
from dlh.files.writing import Say, os_errors_as, write_bytes

JPEG_QUALITY = 92


def write_frames(
    answer: Answer,
    path: Path,
    outputs: Outputs,
    options: EventsOptions,
    *,
    columns: Sequence[LevelColumns],
    seconds: np.ndarray | None,
    say: Say,
) -> list[Path]:
    """Write the images and clips of one video, if asked for; returns what was written.

    Args:
        answer: the events and segments.
        path: the video.
        outputs: names of the folders.
        options: what is asked for.
        columns: of every level.
        seconds: of every frame; None where they are evenly spaced.
        say: takes a line for a person.

    Raises:
        DataError: the video cannot be read again, or a clip cannot be encoded.
        OutputError: an output cannot be written.
    """
    written: list[Path] = []
    if not (options.images or options.split):
        return written
    with ExitStack() as stack:
        takers: list[Images | Clips] = []
        if options.images:
            folder = stack.enter_context(new_folder(outputs.images))
            takers.append(Images(folder, answer.moments))
            written.append(outputs.images)
        if options.split:
            folder = stack.enter_context(new_folder(outputs.clips))
            takers.append(Clips(stack.enter_context(ExitStack()), folder, answer, seconds))
            written.append(outputs.clips)
        for index, frame in enumerate(source_frames(answer, path)):
            for taker in takers:
                taker.take(index, frame)
    return written


def source_frames(answer: Answer, path: Path) -> Iterator[np.ndarray]:
    """The frames of the video once more, uint8 (height, width, 3) at its own size."""
    assert answer.size is not None
    width, height = answer.size
    video: Video = open_video(path, height=height, width=width, channels=3)
    with tqdm(total=answer.frames, unit="frame", leave=False, disable=None) as bar:
        for frame in video:
            yield frame
            bar.update()


class Images:
    """The last frame before, and the first of, every event, as JPEG.

    The names begin with the rank and the time: ``0001-00h00m05.000s-before.jpg``.

    Args:
        folder: of the files.
        events: one for each frame.
    """

    def __init__(self, folder: Path, events: Sequence[TimedEvent]) -> None:
        self._folder, self._events = folder, {event.frame: event for event in events}
        self._last: np.ndarray | None = None

    def take(self, index: int, frame: np.ndarray) -> None:
        """The next frame."""
        event = self._events.get(index)
        if event is not None:
            hours, minutes, rest = clock(event.seconds).split(":")
            name = f"{event.rank:04d}-{hours}h{minutes}m{rest}s"
            if self._last is not None:
                write_bytes(self._folder / f"{name}-before.jpg", jpeg(self._last))
            write_bytes(self._folder / f"{name}-after.jpg", jpeg(frame))
        # Only a frame that an event follows is kept: the next one may lie in the same memory.
        self._last = frame.copy() if index + 1 in self._events else None


class Clips:
    """The clips between the events, as mp4 with the times of the source.

    Their names are a number and the time at which they begin: ``0001-00h00m00.000s.mp4``.

    Args:
        stack: closes the clip that is being written.
        folder: of the files.
        answer: the events.
        seconds: of every frame; None where they are evenly spaced.
    """

    def __init__(
        self, stack: ExitStack, folder: Path, answer: Answer, seconds: np.ndarray | None
    ) -> None:
        self._stack, self._folder, self._answer, self._seconds = stack, folder, answer, seconds
        self._spans = {span.frame: (number, span) for number, span in enumerate(spans(answer), 1)}
        self._film: FilmWriter | None = None
        self._span: Span | None = None

    def take(self, index: int, frame: np.ndarray) -> None:
        """The next frame."""
        if index in self._spans:
            self._stack.close()
            number, self._span = self._spans[index]
            hours, minutes, rest = clock(self._span.start).split(":")
            name = f"{number:04d}-{hours}h{minutes}m{rest}s.mp4"
            height, width = frame.shape[:2]
            self._film = self._stack.enter_context(
                writing_film(self._folder / name, self._answer.fps, height=height, width=width)
            )
        assert self._film is not None and self._span is not None
        shown = None
        if self._seconds is not None:
            shown = float(self._seconds[index] - self._seconds[self._span.frame])
        self._film.add(frame, shown)


@contextlib.contextmanager
def new_folder(folder: Path) -> Generator[Path]:
    """A folder that the block fills, under another name until it is done; an older folder of that
    name is replaced. After an error nothing of it is left.

    Raises:
        OutputError: it cannot be made, or the older one cannot be replaced.
    """
    made = folder.with_name(f".{folder.name}.tmp")
    with os_errors_as(OutputError, f"cannot write {folder}"):
        if made.exists():
            shutil.rmtree(made)
        made.mkdir()
    try:
        yield made
        with os_errors_as(OutputError, f"cannot write {folder}"):
            if folder.exists():
                shutil.rmtree(folder)
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def jpeg(frame: np.ndarray, *, most: int | None = None) -> bytes:
    """A frame, uint8 (height, width, 3), as JPEG.

    Args:
        frame: to be written.
        most: pixels of its width, at most; None keeps its size.
    """
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(frame))
    if most is not None and picture.width > most:
        height = max(1, round(picture.height * most / picture.width))
        picture = picture.resize((most, height), Image.Resampling.LANCZOS)
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return held.getvalue()
