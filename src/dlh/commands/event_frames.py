"""The frames themselves: before and after each event, the clips between events, and the film.

A second reading of the video, at the size of its source.
"""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import numpy as np
from tqdm import tqdm

from dlh.commands.event_outputs import Outputs
from dlh.commands.options import EventsOptions, form_of
from dlh.data.video.decode import Video, open_video
from dlh.data.video.encode import FilmWriter, writing_film
from dlh.data.video.playable import MIME_TYPES, browser_plays
from dlh.data.video.resize import part_of
from dlh.errors import OutputError
from dlh.event_files.answer import Answer, Segment, Span, TimedEvent, spans
from dlh.event_files.document import LevelColumns
from dlh.event_files.timecode import clock
from dlh.files.writing import os_errors_as, replacing, write_bytes, write_text
from dlh.reports.event_page import EventPage, render_event_page
from dlh.reports.render import data_address

JPEG_QUALITY = 92
PICTURE_WIDTH = 640
"""Pixels of a picture in the page, at most."""
MOST_PICTURES = 24
"""Events whose pictures are in the page."""
MOST_SECONDS_INSIDE = 600.0
MOST_BYTES_INSIDE = 2**26
"""Of a film that is in the page itself; a longer or larger one lies beside it."""
STARTS_AT_ZERO = 1e-3
"""Seconds: of a later start browsers differ, so the film is encoded anew."""


def write_frames(
    answer: Answer,
    path: Path,
    outputs: Outputs,
    options: EventsOptions,
    *,
    states: Sequence[Segment],
    columns: Sequence[LevelColumns],
    seconds: np.ndarray | None,
    reason: str,
    retimed_to: float | None,
) -> list[Path]:
    """Write the page, images and clips of one video that are asked for; returns what was written.

    Args:
        answer: the events and segments.
        path: the video.
        outputs: names of the folders.
        options: what is asked for.
        states: the segments between all changes, for the page.
        columns: of every level.
        seconds: of every frame; None where they are evenly spaced.
        reason: of the threshold, for the page.
        retimed_to: the rate at which the video was read; None where every frame was.

    Raises:
        DataError: the video cannot be read again, or a clip cannot be encoded.
        OutputError: an output cannot be written.
    """
    written: list[Path] = []
    pictures, whole = Pictures(answer), None
    with ExitStack() as stack:
        takers: list[Images | Clips | Pictures | WholeFilm] = []
        if options.page:
            takers.append(pictures)
            if not (browser_plays(path) and abs(answer.start) < STARTS_AT_ZERO):
                whole = WholeFilm(stack, answer, seconds, outputs)
                takers.append(whole)
        if options.images:
            folder = stack.enter_context(new_folder(outputs.images))
            takers.append(Images(folder, answer.moments))
            written.append(outputs.images)
        if options.split:
            folder = stack.enter_context(new_folder(outputs.clips))
            takers.append(Clips(stack.enter_context(ExitStack()), folder, answer, seconds))
            written.append(outputs.clips)
        for index, frame in enumerate(source_frames(answer, path, options, retimed_to)):
            used = frame if options.crop is None else part_of(frame, options.crop)
            for taker in takers:
                taker.take(index, used if isinstance(taker, Images | Clips) else frame)
    if options.page:
        place = path if whole is None else whole.place
        try:
            written += _write_page(
                answer,
                place,
                outputs,
                begins=0.0 if whole is None else answer.start,
                states=states,
                columns=columns,
                seconds=seconds,
                images=pictures.by_rank,
                options=options,
                reason=reason,
            )
        finally:
            if whole is not None:
                whole.place.unlink(missing_ok=True)
    return written


def _write_page(
    answer: Answer,
    film: Path,
    outputs: Outputs,
    *,
    begins: float,
    states: Sequence[Segment],
    columns: Sequence[LevelColumns],
    seconds: np.ndarray | None,
    images: Mapping[int, tuple[bytes | None, bytes]],
    options: EventsOptions,
    reason: str,
) -> list[Path]:
    """The page; the film is in it, or a copy lies beside it."""
    kind = MIME_TYPES[film.suffix.lower()]
    beside = answer.duration > MOST_SECONDS_INSIDE or film.stat().st_size > MOST_BYTES_INSIDE
    copy = outputs.film.with_name(outputs.film.name + film.suffix.lower())
    if beside:
        with os_errors_as(OutputError, f"cannot write {copy}"), replacing(copy) as unfinished:
            shutil.copyfile(film, unfinished)
        address = quote(copy.name)
    else:
        address = data_address(film.read_bytes(), kind)
    evenly = answer.start + np.arange(answer.frames) / answer.fps
    page = EventPage(
        answer=answer,
        model=options.model,
        film=address,
        begins=begins,
        states=states,
        columns=columns,
        seconds=evenly if seconds is None else seconds,
        images=images,
        reason=reason,
    )
    write_text(outputs.page, [render_event_page(page)])
    return [outputs.page, copy] if beside else [outputs.page]


class Pictures:
    """The frames before and after the strongest events as small JPEGs, for the page."""

    def __init__(self, answer: Answer) -> None:
        self._ranks: dict[int, list[int]] = {}
        for event in answer.ranked[:MOST_PICTURES]:
            self._ranks.setdefault(event.frame, []).append(event.rank)
        self._before: bytes | None = None
        self.by_rank: dict[int, tuple[bytes | None, bytes]] = {}

    def take(self, index: int, frame: np.ndarray) -> None:
        """The next frame."""
        if index in self._ranks:
            after = jpeg(frame, most=PICTURE_WIDTH)
            self.by_rank |= dict.fromkeys(self._ranks[index], (self._before, after))
        follows = index + 1 in self._ranks
        self._before = jpeg(frame, most=PICTURE_WIDTH) if follows else None


class WholeFilm:
    """The whole video encoded anew, for a browser that cannot play the source.

    Args:
        stack: finishes the film.
        answer: the events.
        seconds: of every frame; None where they are evenly spaced.
        outputs: in whose folder the film is made, under a temporary name.
    """

    def __init__(
        self, stack: ExitStack, answer: Answer, seconds: np.ndarray | None, outputs: Outputs
    ) -> None:
        self.place = outputs.document.with_name(f".{outputs.film.name}.tmp.mp4")
        self._seconds = seconds
        assert answer.size is not None
        width, height = answer.size
        self._film = stack.enter_context(
            writing_film(self.place, answer.fps, height=height, width=width)
        )

    def take(self, index: int, frame: np.ndarray) -> None:
        """The next frame."""
        shown = None if self._seconds is None else float(self._seconds[index] - self._seconds[0])
        self._film.add(frame, shown)


def source_frames(
    answer: Answer, path: Path, options: EventsOptions, retimed_to: float | None
) -> Iterator[np.ndarray]:
    """The frames of the video once more, uint8 (height, width, 3) at its own size."""
    assert answer.size is not None
    width, height = answer.size
    video: Video = open_video(
        path, height=height, width=width, channels=3, fps=retimed_to, form=form_of(options)
    )
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
