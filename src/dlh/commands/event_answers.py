"""The files of one video's events: the document, the picture, other formats, frames and page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dlh.commands.event_frames import write_frames
from dlh.commands.event_outputs import Request
from dlh.commands.event_scores import Assessment
from dlh.commands.options import EventsOptions
from dlh.commands.watching import Watched
from dlh.event_files.document import events_json
from dlh.event_files.formats import FORMATS
from dlh.event_files.timecode import FormatError
from dlh.files.writing import write_bytes, write_text
from dlh.reports.figures.canvas import png_bytes
from dlh.reports.figures.events import events_figure


def write_answer(
    watched: Watched, assessment: Assessment, request: Request, options: EventsOptions
) -> list[Path]:
    """Write all that was asked for of one video; returns the files and folders.

    Raises:
        FormatError: a format cannot hold these events; nothing was written.
        DataError: the video cannot be read again, or a clip cannot be encoded.
        OutputError: an output cannot be written.
    """
    answer, outputs = watched.answer, request.outputs
    # What can be refused is made before anything is written.
    try:
        texts = {
            outputs.beside(FORMATS[name].suffix): FORMATS[name].write(answer)
            for name in dict.fromkeys(options.write)
        }
    except FormatError as error:
        raise FormatError(f"{answer.video}: {error}", code=error.code) from error
    picture = _draw(watched)
    about = {
        "video": request.given,
        "model": options.model,
        "seed": options.seed,
        **assessment_document(assessment, options),
    }
    frames: list[Path] = []
    if options.images or options.split or options.page:
        frames = write_frames(
            answer,
            request.path,
            outputs,
            options,
            states=watched.states,
            columns=watched.columns,
            seconds=watched.seconds,
            reason=assessment.reason,
            retimed_to=watched.retimed_to,
        )
    document = events_json(answer, about=about, levels=watched.columns, seconds=watched.seconds)
    write_text(outputs.document, document)
    write_bytes(outputs.picture, picture)
    for path, text in texts.items():
        write_text(path, [text])
    return [outputs.document, outputs.picture, *texts, *frames]


def assessment_document(assessment: Assessment, options: EventsOptions) -> dict[str, Any]:
    """The thresholds and scores of one or several videos."""
    document: dict[str, Any] = {
        "min_surprise": assessment.threshold,
        "reason": assessment.reason,
        "thresholds": assessment.thresholds,
    }
    if assessment.scores is None:
        return document
    levels = [
        {
            "level": level,
            "labels": scores.true_events,
            "events": scores.inferred_events,
            "matched": scores.matched,
            **scores.to_plain(),
        }
        for level, scores in assessment.scores.items()
    ]
    about = {"truth": str(options.truth), "tolerance": options.tolerance, "levels": levels}
    return document | {"scores": about}


def _draw(watched: Watched) -> bytes:
    answer = watched.answer
    if answer.method == "level":
        changed = np.stack([level.columns["changed"] for level in watched.columns], 1)
        columns = [level.columns["change_probability"] for level in watched.columns]
        probability = np.stack(columns, 1)
        known = not np.isnan(probability).all()
        probability = np.nan_to_num(probability, nan=1.0) if known else None
        lane = None
    else:
        changed = np.ones((answer.frames, 2), dtype=bool)
        changed[:, 1] = watched.columns[0].columns["changed"]
        probability, lane = None, answer.method
    figure = events_figure(
        watched.frames,
        changed,
        change_probability=probability,
        fps=answer.fps,
        pairs=watched.pairs,
        lane=lane,
    )
    return png_bytes(figure)


def overview_row(request: Request, watched: Watched, assessment: Assessment) -> dict[str, Any]:
    """One video in the overview."""
    answer = watched.answer
    strongest = answer.ranked[0] if answer.events else None
    row: dict[str, Any] = {
        "video": answer.video,
        "events": len(answer.events),
        "frames": answer.frames,
        "fps": answer.fps,
        "duration": answer.duration,
        "strongest_seconds": None if strongest is None else strongest.seconds,
        "strongest_surprise": None if strongest is None else strongest.surprise,
        "document": str(request.outputs.document),
    }
    if assessment.scores is not None:
        row |= assessment.scores[None].to_plain()
    return row
