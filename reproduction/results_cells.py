"""Tables of the results page: values with their spread, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reproduction.marks import NOT_RUN, Seeds

FAILED = "failed"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def absent(results: Mapping[str, Any], kind: str) -> str:
    """What to say of a kind of run without a value: all of it failed, or it is to be run."""
    seeds = Seeds.of(results, kind)
    return FAILED if seeds.ended >= seeds.planned > 0 else NOT_RUN


def value(found: Mapping[str, Any] | None, digits: int = 3, *, absent: str = NOT_RUN) -> str:
    """A mean, and ± the standard deviation over seeds where there are several."""
    if found is None:
        return absent
    spread = found["spread"]
    more = "" if spread is None else f" ± {spread:.{digits}f}"
    return f"{found['mean']:.{digits}f}{more}"


def cell(found: Mapping[str, Any], name: str, digits: int = 3, *, absent: str = NOT_RUN) -> str:
    """A value by its name; a dash where the runs have none."""
    if not found:
        return absent
    return value(found.get(name), digits, absent="-")


def difference(
    found: Mapping[str, Any], name: str, printed: float, digits: int = 3, *, absent: str = NOT_RUN
) -> str:
    """Ours without the paper's."""
    if not found:
        return absent
    ours = found.get(name)
    return "-" if ours is None else f"{ours['mean'] - printed:+.{digits}f}"
