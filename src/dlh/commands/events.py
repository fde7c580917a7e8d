"""When something changed in a video file: JSON for programs, a picture and lines for people."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dlh.analysis.surprise import EventList
from dlh.commands.inputs import describe_resizing
from dlh.data.clips import DataError
from dlh.errors import UsageError
from dlh.files import strict_json
from dlh.files.outputs import Say, check_with_picture, write_bytes
from dlh.pretrained import open_model
from dlh.reports.figures import draw_events
from dlh.reports.figures.canvas import MissingExtraError
from dlh.training.device import choose_device
from dlh.video import VideoError

MOST_LINES = 10


def events_of_file(*, model: str, video: Path, out: Path, seed: int, say: Say = print) -> None:
    """Find the events of ``video``; the memory it takes does not grow with the length of it.

    Args:
        model: a name that dlh.open_model takes.
        video: a file.
        out: the events, .json; the picture goes beside it.
        seed: of the sampled states.
        say: takes a line for each thing found or done.

    Raises:
        UsageError: the model has no events, or ``seed`` or ``out`` cannot be.
        DataError: the video cannot be read, or has a single frame.
        PretrainedError: there is no such model.
        OutputError: an output cannot be written.
    """
    if seed < 0:
        raise UsageError(f"seed is at least 0, found {seed}")
    picture = check_with_picture(out, ".json")
    dlh = open_model(model, choose_device("auto"))
    if getattr(dlh.config, "num_levels", 2) < 2:
        raise UsageError(f"{model} has one level, which changes at every frame: it has no events")
    if resizing := describe_resizing(video, dlh.model.frame_shape):
        say(resizing)
    frames = dlh.open(video)
    with tempfile.TemporaryFile() as stored:  # the frames, for the picture: they may be many

        def pieces() -> Iterator[np.ndarray]:
            announced = frames.expected_frames
            with tqdm(total=announced, unit="frame", leave=False, disable=None) as bar:
                for piece in dlh.pieces(frames):
                    stored.write(piece.data)
                    yield piece
                    bar.update(len(piece))

        try:
            found = dlh.events(pieces(), fps=frames.fps, seed=seed)
        except VideoError as error:
            raise DataError(f"{video}: {error}") from error
        stored.flush()
        channels, height, width = dlh.model.frame_shape
        shape = (found.frames, height, width, channels)
        drawn, missing = _draw(found, np.memmap(stored, np.uint8, "r", shape=shape))

    about = {"video": str(video), "model": model, "seed": seed}
    content = strict_json.dumps(about | asdict(found), indent=1) + "\n"
    write_bytes(out, content.encode())
    if drawn is not None:
        write_bytes(picture, drawn)
    for line in _lines(found):
        say(line)
    say(f"written: {out}, {picture}" if drawn is not None else f"written: {out} ({missing})")


def _draw(found: EventList, frames: np.ndarray) -> tuple[bytes | None, str]:
    """The picture; None, and why, where matplotlib is not installed."""
    changed = zip(*(level.changed for level in found.levels), strict=True)
    expected = list(zip(*(level.change_probability for level in found.levels), strict=True))
    foreseen = any(p is not None for row in expected for p in row)
    filled = [[1.0 if p is None else p for p in row] for row in expected]
    try:
        png = draw_events(
            frames,
            np.array(list(changed)),
            change_probability=filled if foreseen else None,
            fps=found.fps,
        )
    except MissingExtraError as error:
        return None, f"no picture: {error}"
    return png, ""


def _lines(found: EventList) -> Iterator[str]:
    for level in found.levels[1:]:
        changes = f"{len(level.events)} change{'' if len(level.events) == 1 else 's'}"
        yield f"level {level.level}: {changes} in {found.frames} frames"
        for event in level.events[:MOST_LINES]:
            seconds = "" if event.seconds is None else f"  {event.seconds:8.2f} s"
            yield f"  frame {event.frame:>5}{seconds}  surprise {event.surprise:7.2f} nats"
        if len(level.events) > MOST_LINES:
            yield f"  and {len(level.events) - MOST_LINES} more"
