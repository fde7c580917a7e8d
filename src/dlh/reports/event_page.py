"""The page of one video: its film above a timeline of its levels, and its events as a list."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import numpy as np
from markupsafe import Markup

from dlh.event_files.answer import Answer, Segment
from dlh.event_files.document import LevelColumns
from dlh.event_files.timecode import clock
from dlh.reports.render import data_address, render

MOST_BINS = 1200
"""Of the curve of surprise: about one for each pixel of the page's width."""


@dataclass(frozen=True, kw_only=True)
class EventPage:
    """All that the page shows.

    Attributes:
        answer: events and segments.
        model: as it was named.
        film: the address of the film: a data address, or the name of a file beside the page.
        begins: the time in the answer at which the film begins, seconds.
        states: the segments between all changes of every level, also those that are not listed.
        columns: of every level.
        seconds: of every frame.
        images: JPEGs before and after the strongest events, by rank.
        reason: of the threshold.
    """

    answer: Answer
    model: str
    film: str
    begins: float
    states: Sequence[Segment]
    columns: Sequence[LevelColumns]
    seconds: np.ndarray
    images: Mapping[int, tuple[bytes | None, bytes]]
    reason: str


def render_event_page(page: EventPage) -> str:
    """The page as HTML: everything inside but a film that lies beside it; nothing is fetched from
    any network.
    """
    answer = page.answer
    levels = sorted({segment.level or 0 for segment in answer.segments}, reverse=True)
    data = {
        "start": answer.start,
        "duration": answer.duration,
        "begins": page.begins,
        "lanes": [_lane(page, level) for level in levels],
    }
    pictures = {
        rank: [None if each is None else data_address(each, "image/jpeg") for each in pair]
        for rank, pair in page.images.items()
    }
    return render(
        "events.html",
        answer=answer,
        model=page.model,
        film=page.film,
        film_name=unquote(page.film) if not page.film.startswith("data:") else "",
        reason=page.reason,
        pictures=pictures,
        clock=clock,
        levels=len([level for level in levels if level]),
        # No "<" ends the script element early.
        data=Markup(json.dumps(data, allow_nan=False).replace("<", "\\u003c")),
    )


def _lane(page: EventPage, level: int) -> dict[str, Any]:
    answer = page.answer
    marks = [
        {"rank": event.rank, "time": event.seconds, "surprise": event.surprise}
        for event in answer.events
        if (event.level or 0) == level
    ]
    segments = [
        {"start": segment.start, "stop": segment.stop, "cluster": segment.cluster}
        for segment in page.states
        if (segment.level or 0) == level
    ]
    columns = next(each.columns for each in page.columns if (each.level or 0) == level)
    curve = columns["surprise"] if level else columns["motion_energy"]
    return {
        "name": f"level {level}" if level else answer.method,
        "marks": marks,
        "segments": segments,
        "curve": _curve(np.asarray(curve, float), page.seconds),
    }


def _curve(values: np.ndarray, seconds: np.ndarray) -> list[list[float]]:
    """[time, height] with heights from 0 to 1: the highest value of each stretch of frames."""
    values = np.maximum(np.nan_to_num(values, nan=0.0), 0.0)
    bins = np.array_split(np.arange(len(values)), min(MOST_BINS, len(values)))
    top = max(float(values.max()), 1e-9)
    peaks = [index[int(values[index].argmax())] for index in bins]
    return [[round(float(seconds[at]), 3), round(float(values[at]) / top, 3)] for at in peaks]
