"""Writes the results: moving-ball.json, moving-ball.md and the curves, from the records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlh.experiments.errors import OutputError
from dlh.experiments.findings.aggregate import aggregate
from dlh.experiments.findings.catalogue import Named, experiments
from dlh.experiments.findings.course import draw_courses
from dlh.experiments.findings.driver import PICTURES, read_records
from dlh.experiments.findings.record import as_text
from dlh.experiments.findings.results_page import headings, render
from dlh.experiments.outputs import Say, check_writable, write_bytes

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
        OutputError: a record or the notes cannot be used, or nothing can be written.
    """
    planned = experiments() if among is None else tuple(among)
    records = read_records(results)
    for group, name in (("full", "lambda"), ("levels", "levels")):
        drawn = [
            records[each.name]
            for each in sorted(planned, key=lambda named: named.kind)
            if each.group == group and "course" in records.get(each.name, {})
        ]
        if drawn:
            place = results / PICTURES / f"course-{group}.png"
            check_writable(place, ".png")
            write_bytes(place, draw_courses(drawn, name=name))
            say(f"written: {place}")
    numbers, page = texts(results, records, planned)
    for name, text in ((NUMBERS, numbers), (PAGE, page)):
        check_writable(results / name, Path(name).suffix)
        write_bytes(results / name, text.encode())
        say(f"written: {results / name}")


def texts(
    results: Path, records: Mapping[str, Mapping], planned: Sequence[Named]
) -> tuple[str, str]:
    """The contents of the JSON and of the page."""
    found = aggregate(records, planned)
    pictures = sorted(path.name for path in (results / PICTURES).glob("*.png"))
    page = render(found, pictures=pictures, notes=read_notes(results / NOTES))
    return as_text(found), page


def read_notes(path: Path) -> dict[str, str]:
    """Words of a person to sections of the page: a file of the same headings; {} without one.

    Raises:
        OutputError: a heading is not one of the page's.
    """
    if not path.exists():
        return {}
    parts = re.split(r"^## (.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
    notes = dict(zip(parts[1::2], parts[2::2], strict=True))
    known = headings()
    for heading in notes:
        if heading not in known:
            raise OutputError(
                f"{path} has notes to {heading!r}, which is no section of the page; there are "
                f"{', '.join(known)}"
            )
    return notes
