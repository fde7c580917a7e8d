"""Tables of the results page: values with their spread, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlh.experiments.findings.marks import NOT_RUN


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def value(found: Mapping[str, Any] | None, digits: int = 3) -> str:
    """A mean, and ± the standard deviation over seeds where there are several."""
    if found is None:
        return NOT_RUN
    spread = found["spread"]
    more = "" if spread is None else f" ± {spread:.{digits}f}"
    return f"{found['mean']:.{digits}f}{more}"


def cell(found: Mapping[str, Any], name: str, digits: int = 3) -> str:
    """A value by its name; a dash where the run has none."""
    if name in found and found[name] is None:
        return "-"
    return value(found.get(name), digits)


def difference(found: Mapping[str, Any] | None, printed: float, digits: int = 3) -> str:
    """Ours without the paper's."""
    return NOT_RUN if found is None else f"{found['mean'] - printed:+.{digits}f}"
