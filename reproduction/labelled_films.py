"""A folder of films, and beside it a table of their events, as arena, joined and walks write it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dlh.errors import UsageError
from dlh.files.writing import make_folder, write_text
from dlh.settings import check_at_least


def begin_films(folder: Path, *, films: int, seconds: float) -> None:
    """Make the folder.

    Raises:
        UsageError: there are files in it already, or there would be no film or no frame.
        OutputError: it cannot be made.
    """
    check_at_least(1, error=UsageError, films=films)
    if not seconds > 0:
        raise UsageError(f"seconds of a film are above 0, found {seconds:g}")
    make_folder(folder)
    if any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; name a new folder")


def write_labels(folder: Path, events: Iterable[tuple[str, float]]) -> Path:
    """Write when the events are, as FOLDER-labels.csv, and return its path.

    Args:
        folder: of the films.
        events: the name of a film and seconds, in the order of the rows.
    """
    labels = folder.with_name(f"{folder.name}-labels.csv")
    rows = [f"{film},{seconds:.3f}" for film, seconds in events]
    write_text(labels, ["\n".join(["video,seconds", *rows]) + "\n"])
    return labels
