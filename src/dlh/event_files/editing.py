"""Events for film editing: an edit decision list (CMX 3600), and an OpenTimelineIO timeline.

Both cut the video into shots at its events.
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from dlh.event_files.answer import Answer, spans
from dlh.event_files.timecode import FormatError, editing_rate, timecode

MOST_EDITS = 999
"""Of a CMX 3600 list, whose numbers have three digits."""


def edl(answer: Answer) -> str:
    """CMX 3600, non-drop timecode from 0 at the first frame, at the rate that a comment names.

    The format does not hold the rate: a program asks for it. It is the video's own where editing
    programs know that (:func:`dlh.event_files.timecode.editing_rate`).

    Raises:
        FormatError: the video has 24 hours or more (code "timecode-overflow"), or is cut into more
            than 999 shots (code "too-many-edits").
    """
    shots = spans(answer)
    if len(shots) > MOST_EDITS:
        raise FormatError(
            f"an EDL holds {MOST_EDITS} edits, found {len(shots)} shots; list fewer events, such "
            f"as --top {MOST_EDITS - 1}, or write otio",
            code="too-many-edits",
        )
    name = _one_line(PurePath(answer.video).name)
    lines = [f"TITLE: {_one_line(PurePath(answer.video).stem)} events", "FCM: NON-DROP FRAME", ""]
    for number, shot in enumerate(shots, start=1):
        start, stop = (
            timecode(frame, answer.fps) for frame in (shot.frame, shot.frame + shot.frames)
        )
        lines.append(f"{number:03d}  AX       V     C        {start} {stop} {start} {stop}")
        lines += [f"* FROM CLIP NAME: {name}", f"* COMMENT: {shot.title}"]
        if number == 1:
            lines.append(f"* COMMENT: timecode at {editing_rate(answer.fps)} frames a second")
    return "\n".join(lines) + "\n"


def otio(answer: Answer) -> str:
    """OpenTimelineIO, its own JSON: one track of clips, with a marker at each event.

    Times are in frames at the mean frame rate.
    """
    rate = answer.fps

    def time(frames: float) -> dict[str, Any]:
        return {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": frames}

    def stretch(first: int, frames: int) -> dict[str, Any]:
        return {
            "OTIO_SCHEMA": "TimeRange.1",
            "start_time": time(first),
            "duration": time(frames),
        }

    media = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "target_url": answer.video,
        "available_range": stretch(0, answer.frames),
        "metadata": {},
        "name": "",
    }
    by_frame: dict[int, list[dict[str, Any]]] = {}
    for event in answer.events:
        known = {
            "rank": event.rank,
            "level": event.level,
            "surprise": event.surprise,
            "seconds": event.seconds,
        }
        by_frame.setdefault(event.frame, []).append(known)
    clips = []
    for shot in spans(answer):
        markers = [
            {
                "OTIO_SCHEMA": "Marker.2",
                "name": shot.title,
                "color": "RED",
                "marked_range": stretch(shot.frame, 0),
                "metadata": {"dlh": known},
            }
            for known in by_frame.get(shot.frame, [])
        ]
        clips.append(
            {
                "OTIO_SCHEMA": "Clip.2",
                "name": shot.title,
                "source_range": stretch(shot.frame, shot.frames),
                "media_references": {"DEFAULT_MEDIA": media},
                "active_media_reference_key": "DEFAULT_MEDIA",
                "effects": [],
                "markers": markers,
                "metadata": {},
            }
        )
    track = {
        "OTIO_SCHEMA": "Track.1",
        "name": "video",
        "kind": "Video",
        "children": clips,
        "effects": [],
        "markers": [],
        "metadata": {},
        "source_range": None,
    }
    stack = {**track, "OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": [track]}
    del stack["kind"]
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "name": f"{PurePath(answer.video).stem} events",
        "global_start_time": None,
        "metadata": {"dlh": {"method": answer.method, "unit": answer.unit}},
        "tracks": stack,
    }
    return json.dumps(timeline, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())
