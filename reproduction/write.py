"""Writes the results: moving-ball.json, moving-ball.md and the curves, from the records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlh.errors import OutputError, UsageError
from dlh.files.writing import Say, check_writable, write_bytes
from reproduction.aggregate import aggregate
from reproduction.catalogue import experiments
from reproduction.course import draw_courses
from reproduction.driver import PICTURES, RECORDS, read_records
from reproduction.named import Named
from reproduction.notes import read_words
from reproduction.record import as_text
from reproduction.results_page import headings, render

NUMBERS = "moving-ball.json"
PAGE = "moving-ball.md"
NOTES = "notes.md"


def write_results(results: Path, *, among: Sequence[Named] | None = None, say: Say = print) -> None:
    """Make the results anew out of the records in ``results``/runs.

    Args:
        results: the folder.
        among: the experiments that are to be run; None: all there are.
        say: takes a line for each file.

    Raises:
        UsageError: there are no records.
        OutputError: a record or the notes cannot be used, or nothing can be written. Where one
            cannot be used nothing is written.
    """
    planned = experiments() if among is None else tuple(among)
    records = read_records(results)
    if not records:
        raise UsageError(
            f"{results / RECORDS} holds no record (NAME.json, as `python -m reproduction run` "
            "writes); name the folder above it with --results, or run some experiments first"
        )
    courses = _courses(records, planned)
    numbers, page = texts(results, records, planned, drawn=tuple(courses))
    contents = {PICTURES + "/" + name: png for name, png in courses.items()}
    contents |= {NUMBERS: numbers.encode(), PAGE: page.encode()}
    for name in contents:
        check_writable(results / name, Path(name).suffix)
    for name, content in contents.items():
        write_bytes(results / name, content)
        say(f"written: {results / name}")


def _courses(records: Mapping[str, Mapping], planned: Sequence[Named]) -> dict[str, bytes]:
    """The curves over training by the names of their files."""
    found = {}
    for group, name in (("full", "lambda"), ("levels", "levels"), ("paper", "lambda")):
        drawn = [
            records[each.name]
            for each in sorted(planned, key=lambda named: named.kind)
            if each.group == group and "course" in records.get(each.name, {})
        ]
        if drawn:
            found[f"course-{group}.png"] = draw_courses(drawn, name=name)
    return found


def texts(
    results: Path,
    records: Mapping[str, Mapping],
    planned: Sequence[Named],
    *,
    drawn: Sequence[str] = (),
) -> tuple[str, str]:
    """The contents of the JSON and of the page, which shows the pictures that are there and those
    that are ``drawn`` and still to be written.
    """
    found = aggregate(records, planned)
    there = {path.name for path in (results / PICTURES).glob("*.png")}
    page = render(found, pictures=sorted(there.union(drawn)), notes=read_notes(results / NOTES))
    return as_text(found), page


def read_notes(path: Path) -> dict[str, str]:
    """Words of a person to sections of the page: a file of the same headings; {} without one.

    Raises:
        OutputError: they cannot be read; a heading is not one of the page's, or is there twice.
    """
    text = read_words(path)
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    notes = dict(zip(parts[1::2], parts[2::2], strict=True))
    known = headings()
    for heading, times in Counter(parts[1::2]).items():
        if times > 1:
            raise OutputError(
                f"{path} has notes to {heading!r} {times} times; put them under one heading"
            )
        if heading not in known:
            raise OutputError(
                f"{path} has notes to {heading!r}, which is no section of the page; there are "
                f"{', '.join(known)}"
            )
    return notes
