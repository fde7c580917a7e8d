"""When something changed in a video file: JSON for programs, a picture and lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from dlh.analysis.figures import draw_events
from dlh.analysis.figures.canvas import MissingExtraError
from dlh.data.clips import DataError
from dlh.data.decode import probe
from dlh.experiments.outputs import check_writable
from dlh.pretrained import DLH, PretrainedError
from dlh.training.atomic import write_atomically

MOST_LINES = 10


def events_of_file(*, model: str, video: Path, out: Path, seed: int) -> Iterator[str]:
    """Write the events of ``video``; yield a line for each thing done.

    Raises:
        DataError: the video cannot be read, or has a single frame.
        PretrainedError: there is no such model, or it has one level only.
        OutputError: an output cannot be written.
    """
    check_writable(out, ".json")
    dlh = DLH.from_pretrained(model)
    if dlh.config.num_levels < 2:
        raise PretrainedError(f"{model} has one level, which changes at every frame: no events")
    info = probe(video)
    _, height, width = dlh.model.frame_shape
    if (info.height, info.width) != (height, width):
        yield f"{video}: resized from {info.width} x {info.height} to {width} x {height}"
    frames, fps = dlh.read(video)
    if len(frames) < 2:
        raise DataError(f"{video} has {len(frames)} frame; a change needs at least 2")
    found = dlh.events(frames, fps=fps, seed=seed)
    write_atomically(out, (json.dumps(asdict(found), indent=1) + "\n").encode())
    picture = out.with_suffix(".png")
    written = f"{out}, {picture}"
    try:
        png = draw_events(
            frames,
            [list(row) for row in zip(*(level.changed for level in found.levels), strict=True)],
            change_probability=[
                [1.0 if value is None else value for value in row]
                for row in zip(*(level.change_probability for level in found.levels), strict=True)
            ],
            fps=fps,
        )
        write_atomically(picture, png)
    except MissingExtraError as error:
        written = f"{out} (no picture: {error})"
    for level in found.levels[1:]:
        yield f"level {level.level}: {len(level.events)} changes in {len(frames)} frames"
        for event in level.events[:MOST_LINES]:
            yield f"  frame {event.frame:>5}  {event.frame / fps:8.2f} s  surprise {event.surprise:7.2f} nats"
        if len(level.events) > MOST_LINES:
            yield f"  and {len(level.events) - MOST_LINES} more"
    yield f"written: {written}"
