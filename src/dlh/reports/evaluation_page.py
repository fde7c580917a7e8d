"""report.html of an evaluation: the table with its floors, the curves, and futures to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlh.evaluation.clip_scores import DIVERSITY, ENERGY
from dlh.evaluation.rows import MODEL
from dlh.evaluation.summary import NAMES
from dlh.reports import evaluation_tables as tables
from dlh.reports.page import Html, element, figure, join, page, table

READING = (
    "Best is the mean over clips of the best sample, which is chosen once per clip and metric by "
    "its mean over all predicted frames; the interval says how far other clips could have moved "
    "it; the mean of all samples stands in brackets. A floor is a prediction that knows nothing of "
    "motion, or of this clip, scored on the same clips in the same way. The oracle copies the "
    "truth and shows what perfect is."
)
ENERGY_WORDS = (
    "The energy score is the mean distance of a sample to the truth, less half the mean distance "
    "between two samples: lower is better, and scattering the samples does not help."
)
PER_FRAME = (
    "Blue: the model, the best future of each clip and the average one. Grey: the floors. Where "
    "blue is on the worse side of grey, a prediction that knows nothing would have been closer."
)
BEST_OF = (
    "The expected best of K samples, from all that were drawn. A curve that still climbs at its "
    "end says that the best-of number is as much about K as about the model."
)
STRIP = "Above what happened, below the future of the model that was closest to it by PSNR."


def render(
    scores: Mapping[str, Any],
    *,
    pictures: Mapping[str, bytes],
    strips: Sequence[tuple[str, bytes]],
) -> str:
    """The page: pictures inside, no script, nothing fetched from anywhere.

    Args:
        scores: what scores.json holds.
        pictures: "per_frame" and "best_of", as far as they could be drawn.
        strips: title and picture of the clips that are shown.
    """
    protocol = scores["protocol"]
    title = f"Scores of {protocol['model']['name']}"
    parts = [
        element("p", f"Evaluation · {protocol['data']['name']}", class_="eyebrow"),
        element("h1", title),
        element("p", _lede(protocol), class_="lede"),
        _tiles(scores),
        element("h2", "The table"),
        element("p", READING),
        _scores(scores),
        *(_verdict(text) for text in tables.verdicts(scores)),
        _missing(scores),
        _distribution(scores),
        element("h2", "Step by step"),
        figure(pictures.get("per_frame"), "Scores against the predicted step", PER_FRAME),
        figure(pictures.get("best_of"), "The best of K samples against K", BEST_OF),
        _strips(strips),
        _events(scores.get("events")),
        _protocol(protocol),
    ]
    return page(title, *(part for part in parts if part))


def _lede(protocol: Mapping[str, Any]) -> str:
    context = "" if protocol["context"] is None else f" after {protocol['context']} frames"
    futures = "one future" if protocol["samples"] == 1 else f"{protocol['samples']} futures"
    return (
        f"{futures} of {protocol['horizon']} frames{context}, for each of "
        f"{protocol['data']['clips']} clips."
    )


def _tiles(scores: Mapping[str, Any]) -> Html:
    tiles = []
    for name in NAMES:
        entry, title = scores["rows"][MODEL][name], tables.TITLES[name]
        if entry["best"] is None:
            continue
        marks = scores["below"][name]["best"]
        floors = [tables.ROW_TITLES[floor] for floor in marks]
        note = f"below the floor: {', '.join(floors)}" if floors else "above all floors"
        if not any(scores["rows"][row][name]["best"] for row in scores["rows"] if row != MODEL):
            note = "no floor to compare with"
        tiles.append(
            element(
                "div",
                element("span", title, class_="name"),
                element("b", tables.number(entry["best"], name)),
                element("span", note, class_="note"),
                class_=f"tile {'poor' if floors else 'good'}",
            )
        )
    return element("div", *tiles, class_="tiles")


def _scores(scores: Mapping[str, Any]) -> Html:
    """The table, as narrow as the page: a cell may go on in a second line, an interval may not."""
    rows = [
        (row[0], *(cell.replace(", ", ",\N{NO-BREAK SPACE}") for cell in row[1:]))
        for row in tables.score_rows(scores)
    ]
    return element("div", table(tables.head(), rows, marked=0), class_="scores")


def _verdict(text: str) -> Html:
    poor = "**" in text
    return element("p", text.replace("**", ""), class_="verdict poor" if poor else "verdict")


def _missing(scores: Mapping[str, Any]) -> Html:
    missing = tables.reasons(scores)
    lines = [element("li", f"{name}: not computed: {why}") for name, why in missing.items()]
    return element("ul", *lines) if lines else Html("")


def _distribution(scores: Mapping[str, Any]) -> Html:
    diversity = scores["distribution"][MODEL][DIVERSITY]["mean"]
    energy = scores["distribution"][MODEL][ENERGY]["mean"]
    return element(
        "p",
        f"{ENERGY_WORDS} The model's is {energy:.3f}; two of its futures of a clip differ by "
        f"{diversity:.3f} (root mean square of their pixels).",
    )


def _strips(strips: Sequence[tuple[str, bytes]]) -> Html:
    if not strips:
        return Html("")
    return join(
        element("h2", "Futures to look at"),
        *(figure(png, title, f"{title}. {STRIP}") for title, png in strips),
    )


def _events(events: Mapping[str, Any] | None) -> Html:
    if not events:
        return Html("")
    return join(
        element("h2", "Events"),
        element(
            "p",
            "Precision / recall / F1 of the changes of each level against the true events, pooled "
            "over clips, the first frame of each left out. A pair may be as many frames apart as "
            f"the column says. True events per frame: {events['true_change_rate']:.3f}.",
        ),
        table(tables.event_head(events), list(tables.event_rows(events))),
    )


def _protocol(protocol: Mapping[str, Any]) -> Html:
    rows = [
        element("tr", element("th", name), element("td", str(value)))
        for name, value in tables.protocol_lines(protocol)
    ]
    return join(
        element("h2", "The protocol"),
        element("p", "Scores can be compared where all of this but model and software is equal."),
        element("div", element("table", *rows), class_="wide settings"),
    )
