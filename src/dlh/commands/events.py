"""When something changed in a video file: JSON for programs, a picture and lines for people."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
from tqdm import tqdm

from dlh.analysis.surprise import EventList
from dlh.commands.options import EventsOptions
from dlh.data.clips import DataError
from dlh.errors import UsageError
from dlh.files.writing import Say, check_with_picture, write_bytes, write_json
from dlh.pretrained import open_model
from dlh.reports.figures.canvas import MissingExtraError, png_bytes
from dlh.reports.figures.events import events_figure
from dlh.training.device import choose_device
from dlh.video import VideoError

MOST_LINES = 10
MOST_BYTES = 2**27
"""Of frames that are kept for the picture: of 32 x 32 pixels in colour they are 43,000."""


def events_of_file(options: EventsOptions, *, say: Say = print) -> None:
    """Find the events of a video; the memory it takes is bounded.

    The picture of a very long video shows frames of its beginning, and the changes of all of it.
    ``say`` takes a line for each thing found or done.

    Raises:
        UsageError: the model has no events, or the name of the output is invalid.
        DataError: the video cannot be read, or has a single frame.
        PretrainedError: there is no such model.
        OutputError: an output cannot be written.
    """
    model, video, out, seed = options.model, options.video, options.out, options.seed
    picture = check_with_picture(out, ".json")
    dlh = open_model(model, choose_device("auto"))
    if getattr(dlh.config, "num_levels", 2) < 2:
        raise UsageError(f"{model} has one level, which changes at every frame: it has no events")
    frames, first = dlh.open(video), FirstFrames(dlh.model.frame_shape)
    if resizing := dlh.describe_resizing(frames):
        say(resizing)

    def pieces() -> Iterator[np.ndarray]:
        announced = frames.expected_frames
        with tqdm(total=announced, unit="frame", leave=False, disable=None) as bar:
            for piece in dlh.pieces(frames):
                first.add(piece)
                yield piece
                bar.update(len(piece))

    try:
        found = dlh.events(pieces(), fps=frames.fps, seed=seed)
    except VideoError as error:
        raise DataError(f"{video}: {error}") from error
    drawn, missing = _draw(found, first.whole())
    about = {"video": str(video), "model": model, "seed": seed}
    write_json(out, about | asdict(found))
    if drawn is not None:
        write_bytes(picture, drawn)
    for line in _lines(found):
        say(line)
    say(f"written: {out}, {picture}" if drawn is not None else f"written: {out} ({missing})")


class FirstFrames:
    """The first frames of a video, of which the picture shows some; no more than MOST_BYTES.

    Args:
        shape: of a frame, (channel, height, width).
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape, self.count = shape, 0
        self._room = MOST_BYTES // math.prod(shape)
        self._pieces: list[np.ndarray] = []

    def add(self, piece: np.ndarray) -> None:
        """The next frames, uint8 (time, height, width, channel)."""
        if self.count < self._room:
            self._pieces.append(piece[: self._room - self.count])
            self.count += len(self._pieces[-1])

    def whole(self) -> np.ndarray:
        """All that are kept."""
        return np.concatenate(self._pieces)


def _draw(found: EventList, frames: np.ndarray) -> tuple[bytes | None, str]:
    """The picture; None, and why, where matplotlib is not installed."""
    changed = zip(*(level.changed for level in found.levels), strict=True)
    expected = list(zip(*(level.change_probability for level in found.levels), strict=True))
    foreseen = any(p is not None for row in expected for p in row)
    filled = [[1.0 if p is None else p for p in row] for row in expected]
    try:
        figure = events_figure(
            frames,
            np.array(list(changed)),
            change_probability=filled if foreseen else None,
            fps=found.fps,
        )
    except MissingExtraError as error:
        return None, f"no picture: {error}"
    return png_bytes(figure), ""


def _lines(found: EventList) -> Iterator[str]:
    for level in found.levels[1:]:
        changes = f"{len(level.events)} change{'' if len(level.events) == 1 else 's'}"
        yield f"level {level.level}: {changes} in {found.frames} frames"
        for event in level.events[:MOST_LINES]:
            seconds = "" if event.seconds is None else f"  {event.seconds:8.2f} s"
            yield f"  frame {event.frame:>5}{seconds}  surprise {event.surprise:7.2f} nats"
        if len(level.events) > MOST_LINES:
            yield f"  and {len(level.events) - MOST_LINES} more"
