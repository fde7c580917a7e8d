"""The files of one video's events: the document, the picture, other formats, frames and page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dlh.commands.event_frames import write_frames
from dlh.commands.event_outputs import Request
from dlh.commands.options import EventsOptions
from dlh.commands.watching import Watched, ratios
from dlh.event_files.document import events_json
from dlh.event_files.formats import FORMATS
from dlh.files.writing import write_bytes, write_text
from dlh.reports.figures.canvas import png_bytes
from dlh.reports.figures.events import events_figure


def write_answer(watched: Watched, request: Request, options: EventsOptions) -> list[Path]:
    """Write all that was asked for of one video; returns the files and folders."""
    answer, outputs = watched.answer, request.outputs
    # What can be refused is made before anything is written.
    texts = {
        outputs.beside(FORMATS[name].suffix): FORMATS[name].write(answer)
        for name in dict.fromkeys(options.write)
    }
    picture = _draw(watched)
    about = {
        "video": request.given,
        "model": options.model,
        "seed": options.seed,
        "min_surprise": answer.threshold,
        "reason": watched.reason,
        "thresholds": watched.thresholds,
    }
    if watched.scores is not None:
        about["scores"] = _scores_document(watched, options)
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
            reason=watched.reason,
            retimed_to=watched.retimed_to,
        )
    document = events_json(answer, about=about, levels=watched.columns, seconds=watched.seconds)
    write_text(outputs.document, document)
    write_bytes(outputs.picture, picture)
    for path, text in texts.items():
        write_text(path, [text])
    return [outputs.document, outputs.picture, *texts, *frames]


def _scores_document(watched: Watched, options: EventsOptions) -> dict[str, Any]:
    assert watched.scores is not None
    levels = [
        {
            "level": level,
            "labels": scores.true_events,
            "events": scores.inferred_events,
            "matched": scores.matched,
            **ratios(scores),
        }
        for level, scores in watched.scores.items()
    ]
    return {"truth": str(options.truth), "tolerance": options.tolerance, "levels": levels}


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


def overview_row(request: Request, watched: Watched) -> dict[str, Any]:
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
    if watched.scores is not None:
        row |= ratios(watched.scores[None])
    return row
