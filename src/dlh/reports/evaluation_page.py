"""report.html of an evaluation: the table with its floors, the curves, and futures to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlh.evaluation.results import NAMES
from dlh.evaluation.rows import MODEL
from dlh.evaluation.scoring import DIVERSITY, ENERGY
from dlh.reports import evaluation_tables as tables
from dlh.reports.render import render as render_template

Pictures = Mapping[str, bytes]


def render(
    scores: Mapping[str, Any], *, pictures: Pictures, strips: Sequence[tuple[str, bytes]]
) -> str:
    """The page: pictures inside, no script, nothing fetched from anywhere.

    Args:
        scores: what scores.json holds.
        pictures: "per_frame" and "best_of", as far as they could be drawn.
        strips: title and picture of the clips that are shown.
    """
    distribution, events = scores["distribution"][MODEL], scores.get("events")
    chosen = scores.get("temperature")
    of_events: dict[str, Any] = {"event_rows": []}
    if events:
        of_events = {
            "event_head": tables.event_head(events),
            "event_rows": list(tables.event_rows(events)),
            "true_change_rate": events["true_change_rate"],
        }
    return render_template(
        "evaluation.html",
        protocol=scores["protocol"],
        headline=list(_headline(scores)),
        head=tables.head(),
        score_rows=[_narrow(row) for row in tables.score_rows(scores)],
        verdicts=list(tables.verdicts(scores)),
        missing=tables.reasons(scores),
        energy=distribution[ENERGY]["mean"],
        diversity=distribution[DIVERSITY]["mean"],
        pictures=pictures,
        strips=strips,
        temperature=chosen,
        temperature_head=tables.TEMPERATURE_HEAD,
        temperature_rows=list(tables.temperature_rows(chosen)) if chosen else [],
        protocol_lines=list(tables.protocol_lines(scores["protocol"])),
        **of_events,
    )


def _headline(scores: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str], bool]]:
    """Of each metric: its title, the model's score, the floors above it, whether there are any."""
    rows = scores["rows"]
    for name in NAMES:
        if (best := rows[MODEL][name]["best"]) is None:
            continue
        floors = [tables.ROW_TITLES[floor] for floor in scores["below"][name]["best"]]
        compared = any(rows[row][name]["best"] for row in rows if row != MODEL)
        yield tables.TITLES[name], tables.number(best, name), floors, compared


def _narrow(row: Sequence[str]) -> list[str]:
    """A cell may go on in a second line, an interval in it may not."""
    return [row[0], *(cell.replace(", ", ",\N{NO-BREAK SPACE}") for cell in row[1:])]
