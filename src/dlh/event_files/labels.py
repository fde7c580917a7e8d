"""Labels of a person, from CSV, BORIS and ELAN files: when something really changed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from xml.etree import ElementTree

from dlh.errors import DlhError

_STARTS = ("seconds", "start (s)", "start", "time", "onset")
_STOPS = ("stop (s)", "stop", "end", "offset")
_VIDEOS = ("video", "media file name", "media file", "file")
_HEADER_LINES = (
    40  # of a BORIS export, some versions of which begin with lines about the observation
)


class LabelError(DlhError, ValueError):
    """A file of labels that cannot be read, or holds none."""

    code = "labels"


@dataclass(frozen=True)
class Label:
    """A moment at which something changed.

    Attributes:
        seconds: its time.
        video: the name of the file that it is of; None where the labels do not say.
    """

    seconds: float
    video: str | None = None


def read_labels(text: str, *, name: str) -> tuple[Label, ...]:
    """All changes in a file of labels, in order of time.

    A point is a change, and so are the start and the stop of a state or an annotation; the
    stop of one state at the start of the next is one change.

    - CSV (comma, semicolon or tab, the latter two also with decimal commas): a header line with a
      column ``seconds`` (or ``time``, ``start``, ``onset``), perhaps ``stop`` (or ``end``,
      ``offset``) and ``video``.
    - BORIS: tabular events (``Time``, ``Behavior type``), or aggregated events (``Start (s)``,
      ``Stop (s)``), as CSV or TSV.
    - ELAN: an .eaf document, all of its tiers.

    Args:
        text: of the file.
        name: of the file, for its format and for errors.

    Raises:
        LabelError: it is damaged, has no such column, or holds no label; the message names the
            line.
    """
    is_xml = text.lstrip("\ufeff \r\n\t").startswith("<")
    found = _of_elan(text, name) if is_xml else _of_table(text, name)
    labels = sorted(set(found), key=lambda label: (label.video or "", label.seconds))
    if not labels:
        raise LabelError(f"{name} holds no label; expected at least one row with a time")
    return tuple(labels)


def labels_of(labels: Sequence[Label], video: str, *, only: bool) -> tuple[float, ...]:
    """The times of the labels of one video, seconds; empty where no label is of it.

    Labels that name a video are its own if that is its name, with or without folders and ending.

    Args:
        labels: of one or several videos.
        video: its file.
        only: whether it is the only video, so that labels which name none are its own.

    Raises:
        LabelError: labels name no video where there are several.
    """
    named = [label for label in labels if label.video is not None]
    if len(named) < len(labels) and not only:
        raise LabelError(
            "these labels name no video, and there are several; add a column 'video', or give one "
            "video"
        )
    own = [label.seconds for label in labels if label.video is None or _same(label.video, video)]
    return tuple(sorted(own))


def unlabelled(labels: Sequence[Label], videos: Sequence[str], *, only: bool) -> list[str]:
    """Those of the videos that have no label.

    Raises:
        LabelError: none of them has one, or labels name no video where there are several.
    """
    without = [video for video in videos if not labels_of(labels, video, only=only)]
    if len(without) == len(videos):
        shown, names = ", ".join(videos[:5]), sorted({label.video or "" for label in labels})
        raise LabelError(f"no label is of {shown}; the labels are of {', '.join(names[:5])}")
    return without


def _same(named: str, video: str) -> bool:
    one, other = (PurePath(each.replace("\\", "/")) for each in (named, video))
    return one.name == other.name or one.name == other.stem or one.stem == other.stem


def _of_table(text: str, name: str) -> Iterator[Label]:
    lines = list(io.StringIO(text.lstrip("\ufeff"), newline=None))
    mark, first = _header(lines, name)
    rows = csv.reader(lines, delimiter=mark)
    header = _filled(next(islice(rows, first, None)))
    cell = _reader({name.strip().lower(): index for index, name in enumerate(header)})
    for row in rows:
        cells, place = _filled(row), f"{name}, line {rows.line_num}"
        if len(cells) > len(header):
            raise LabelError(
                f"{place}: found {len(cells)} cells under a header of {len(header)}; put a text "
                f"with {mark!r} in quotes, and write decimals with a point"
            )
        if not cells:
            continue
        video = cell(row, _VIDEOS) or None
        times = [(_STARTS, cell(row, _STARTS)), (_STOPS, cell(row, _STOPS))]
        for names, value in times:
            if not value and names is _STOPS:
                continue
            yield Label(_seconds(value if mark == "," else value.replace(",", "."), place), video)


def _header(lines: Sequence[str], name: str) -> tuple[str, int]:
    """The delimiter that shows a column of times in the earliest row, and the number of this row;
    of several the one that gives most columns.
    """
    found = [
        (number, -len(row), mark)
        for mark in ",;\t"
        for number, row in enumerate(csv.reader(lines[:_HEADER_LINES], delimiter=mark))
        if {cell.strip().lower() for cell in row} & set(_STARTS)
    ]
    if not found:
        raise LabelError(
            f"{name} has no column of times; expected a header line with one of "
            f"{', '.join(_STARTS)}, found {lines[0].strip()[:200] if lines else 'nothing'}"
        )
    number, _, mark = min(found, key=lambda each: each[:2])
    return mark, number


def _filled(row: Sequence[str]) -> Sequence[str]:
    """The cells of a row up to the last that is not empty."""
    return row[: max((number for number, cell in enumerate(row, 1) if cell.strip()), default=0)]


def _reader(places: Mapping[str, int]) -> Callable[[Sequence[str], Sequence[str]], str]:
    def cell(row: Sequence[str], names: Sequence[str]) -> str:
        index = next((places[name] for name in names if name in places), None)
        return "" if index is None or index >= len(row) else row[index].strip()

    return cell


def _seconds(value: str, place: str) -> float:
    """A number of seconds, or a clock such as 1:02:03.5."""
    try:
        parts = [float(part) for part in value.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(abs(part) < float("inf") for part in parts):
        raise LabelError(f"{place}: expected a time such as 12.5 or 0:12.5, found {value!r}")
    sign = -1 if value.startswith("-") else 1
    total = 0.0
    for part in parts:
        total = 60 * total + abs(part)
    return sign * total


def _of_elan(text: str, name: str) -> Iterator[Label]:
    try:
        document = ElementTree.fromstring(text.lstrip("\ufeff").encode())
    except (ElementTree.ParseError, ValueError) as error:
        raise LabelError(f"{name} is not an ELAN file that can be read ({error})") from None
    slots = {
        slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in document.iter("TIME_SLOT")
    }
    media = [each.get("MEDIA_URL") for each in document.iter("MEDIA_DESCRIPTOR")]
    video = media[0] if len(media) == 1 and media[0] else None
    for annotation in document.iter("ALIGNABLE_ANNOTATION"):
        for end in ("TIME_SLOT_REF1", "TIME_SLOT_REF2"):
            slot = annotation.get(end)
            if slot not in slots:
                raise LabelError(
                    f"{name}: annotation {annotation.get('ANNOTATION_ID')} refers to the time slot "
                    f"{slot}, which the file does not have"
                )
            value = slots[slot]
            if value is not None:  # ELAN leaves slots between others without a time
                yield Label(_seconds(value, f"{name}, time slot {slot}") / 1000, video)
