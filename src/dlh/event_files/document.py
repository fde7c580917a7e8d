"""events.json: everything about one video, an event or a column of numbers on each line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dlh.event_files.answer import Answer, Segment
from dlh.event_files.timecode import clock
from dlh.files.writing import strict_json

_DIGITS = 6
_STATE_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class LevelColumns:
    """What is known of one level at every frame.

    Attributes:
        level: n, from 1; None of a method without levels.
        columns: by name, (time,) each: bool, or float with NaN for what is not known.
    """

    level: int | None
    columns: Mapping[str, np.ndarray]


def events_json(
    answer: Answer,
    *,
    about: Mapping[str, Any],
    levels: Sequence[LevelColumns],
    seconds: np.ndarray | None = None,
) -> Iterator[str]:
    """The text in parts, so that no more than a column of a long video is written at a time.

    Numbers have six significant digits, states four. NaN is null.

    Args:
        answer: events and segments.
        about: what else is known, by name: the request, the thresholds.
        levels: of every level.
        seconds: the time stamp of every frame where they are not evenly spaced.
    """
    head = {
        **about,
        "method": answer.method,
        "unit": answer.unit,
        "frames": answer.frames,
        "fps": answer.fps,
        "start": _rounded(answer.start, 9),
        "duration": _rounded(answer.duration, 9),
    }
    yield "{\n"
    for name, value in head.items():
        yield f'"{name}": {_text(value)},\n'
    if seconds is not None:
        yield f'"seconds": {_column(seconds, 9)},\n'
    events = [_event(answer, index) for index in range(len(answer.events))]
    yield f'"events": {_lines(events)},\n'
    yield f'"segments": {_lines([_segment(each) for each in answer.segments])},\n'
    yield '"levels": [\n'
    for number, level in enumerate(levels):
        own = [
            {name: event[name] for name in ("frame", "seconds", "surprise")}
            for event in events
            if event["level"] == level.level
        ]
        if number:
            yield ",\n"
        yield f'{{"level": {_text(level.level)}, "always_changes": {_text(level.level == 1)},\n'
        yield f'"events": {_lines(own)}'
        for name, column in level.columns.items():
            yield f',\n"{name}": {_column(column, _DIGITS)}'
        yield "}"
    yield "\n]}\n"


def _event(answer: Answer, index: int) -> dict[str, Any]:
    event = answer.events[index]
    return {
        "rank": event.rank,
        "level": event.level,
        "frame": event.frame,
        "seconds": _rounded(event.seconds, 9),
        "timecode": clock(event.seconds),
        "surprise": _rounded(event.surprise, _DIGITS),
        **({} if event.confidence is None else {"confidence": _rounded(event.confidence, 3)}),
    }


def _segment(segment: Segment) -> dict[str, Any]:
    values = asdict(segment)
    values["start"], values["stop"] = (_rounded(values[name], 9) for name in ("start", "stop"))
    if segment.state is not None:
        values["state"] = [_rounded(number, _STATE_DIGITS) for number in segment.state]
    return values


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _text(value: Any) -> str:
    return strict_json(value)


def _lines(values: Sequence[Any]) -> str:
    if not values:
        return "[]"
    return "[\n" + ",\n".join(_text(value) for value in values) + "\n]"


def _column(values: np.ndarray, digits: int) -> str:
    if values.dtype == np.bool_:
        return "[" + ",".join("true" if value else "false" for value in values.tolist()) + "]"
    numbers = (
        f"{value:.{digits}g}" if math.isfinite(value) else "null" for value in values.tolist()
    )
    return "[" + ",".join(numbers) + "]"
