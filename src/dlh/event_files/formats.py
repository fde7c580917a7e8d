"""The formats by name, and the endings of their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from dlh.event_files.answer import Answer
from dlh.event_files.editing import edl, otio
from dlh.event_files.elan import eaf
from dlh.event_files.players import ffmetadata, web_vtt
from dlh.event_files.tables import boris_events, events_csv

FormatName = Literal["csv", "vtt", "chapters", "edl", "otio", "boris", "elan"]


@dataclass(frozen=True)
class Format:
    """How events are written: the text of an answer, and the ending of its file."""

    write: Callable[[Answer], str]
    suffix: str


FORMATS: Mapping[FormatName, Format] = {
    "csv": Format(events_csv, ".csv"),
    "vtt": Format(web_vtt, ".vtt"),
    "chapters": Format(ffmetadata, ".ffmeta"),
    "edl": Format(edl, ".edl"),
    "otio": Format(otio, ".otio"),
    "boris": Format(boris_events, ".boris.csv"),
    "elan": Format(eaf, ".eaf"),
}
assert tuple(FORMATS) == get_args(FormatName)
