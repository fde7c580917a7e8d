"""Several scores side by side, if they may be: the same clips, scored in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dlh.commands.options import CompareOptions
from dlh.errors import UsageError
from dlh.evaluation.protocol import Protocol, differences
from dlh.evaluation.results import NAMES, read_scores
from dlh.evaluation.rows import FLOORS, MODEL, ORACLE
from dlh.evaluation.scoring import ENERGY
from dlh.files.writing import Say, as_utf8, make_folder, write_bytes
from dlh.reports import evaluation as report

TABLE = "compare.md"


def compare(options: CompareOptions, *, say: Say = print) -> str:
    """Print :func:`table_of` several scores, and return it.

    Raises:
        UsageError: a file cannot be read, or the protocols differ.
        OutputError: the table cannot be written.
    """
    paths, out = options.scores, options.out
    text = table_of({str(path): read_scores(path) for path in paths})
    say(text)
    if out is not None:
        make_folder(out)
        write_bytes(out / TABLE, as_utf8(text + "\n"))
        say(f"written: {out / TABLE}")
    return text


def table_of(scores: Mapping[str, tuple[Protocol, dict[str, Any]]]) -> str:
    """Several scores in one table, the floors of their clips below them; then their events.

    Args:
        scores: by the names of their rows, as :func:`~dlh.evaluation.results.read_scores` gives
            them.

    Raises:
        UsageError: the protocols differ.
    """
    check_same_protocol({name: protocol for name, (protocol, _) in scores.items()})
    by_name = {name: each for name, (_, each) in scores.items()}
    rows = [_row(name, each, MODEL) for name, each in by_name.items()]
    for floor in (*FLOORS, ORACLE):
        rows += _floor_rows(floor, by_name)
    first = next(iter(by_name.values()))
    data, protocol = first["protocol"]["data"], first["protocol"]
    context = "" if protocol["context"] is None else f"{protocol['context']} + "
    parts = [
        f"{data['clips']} clips of {data['name']}, {context}{protocol['horizon']} frames, best of "
        f"{protocol['samples']} [95 % interval over clips] (mean of the samples)",
        report.markdown(report.head(), rows),
    ]
    for name, each in by_name.items():
        below = [text for text in report.verdicts(each) if "below" in text or "worse" in text]
        parts += [f"{name}: {text}".replace("**", "") for text in below]
        parts += [f"{name}: {what} not computed: {why}" for what, why in _missing(each).items()]
        parts += [f"{name}: {text}" for text in _temperature(each)]
    text = "\n\n".join([*parts[:2], "\n".join(parts[2:])]).rstrip()
    return text + _events(
        {name: each["events"] for name, each in by_name.items() if "events" in each}
    )


def _floor_rows(floor: str, scores: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """One row of a floor; of the mean frame, which is that of each one's training clips, a row for
    each that differs, with whose it is.
    """
    whose: dict[tuple[str, ...], list[str]] = {}
    for name, each in scores.items():
        title, *cells = _row(_floor(floor), each, floor)
        if any(cell != "-" for cell in cells):
            whose.setdefault((title, *cells), []).append(name)
    for (title, *cells), names in whose.items():
        yield (title if len(whose) == 1 else f"{title} ({', '.join(names)})", *cells)


def check_same_protocol(protocols: Mapping[str, Protocol]) -> None:
    """Raises UsageError for scores of other clips, or scored in another way, with what differs."""
    (first, ours), *others = protocols.items()
    for name, theirs in others:
        if found := differences(ours, theirs):
            raise UsageError(
                f"{first} and {name} cannot be compared: {'; '.join(found)}; evaluate both in "
                "the same way"
            )


def _temperature(scores: Mapping[str, Any]) -> Iterator[str]:
    model = scores["protocol"]["model"]
    states, decisions = (model.get(key, 1.0) for key in ("temperature", "decision_temperature"))
    if (states, decisions) != (1.0, 1.0):
        yield f"futures drawn at temperature {states:g} of states, {decisions:g} of decisions"


def _events(events: Mapping[str, dict[str, Any]]) -> str:
    """The events of the models that decide, the trivial detectors below them; empty without any."""
    if not events:
        return ""
    rows: dict[tuple[str, ...], None] = {}
    floors: dict[tuple[str, ...], None] = {}
    for name, each in events.items():
        for title, *cells in report.event_rows(each):
            is_floor = title.startswith("floor")
            row = (title if is_floor else f"{name}: {title}", *cells)
            (floors if is_floor else rows)[row] = None
    first = next(iter(events.values()))
    return (
        "\n\nEvents: precision / recall / F1, pooled over clips, first frames left out; true "
        f"events per frame: {first['true_change_rate']:.3f}\n\n"
        + report.markdown(report.event_head(first), [*rows, *floors])
    )


def _row(title: str, scores: dict[str, Any], name: str) -> tuple[str, ...]:
    entries, energy = scores["rows"][name], scores["distribution"].get(name)
    below = scores["below"] if name == MODEL else {}
    cells = []
    for metric in NAMES:
        mark = " below a floor" if below.get(metric, {}).get("best") else ""
        cells.append(report.cell(entries[metric], metric) + mark)
    return (
        title,
        *cells,
        "-" if energy is None else f"{energy[ENERGY]['mean']:.3f}",
        str(scores["samples"].get(name, "-")),
    )


def _floor(name: str) -> str:
    return report.ROW_TITLES[name] if name == ORACLE else f"floor: {report.ROW_TITLES[name]}"


def _missing(scores: dict[str, Any]) -> dict[str, str]:
    """Metrics only: what rows a file of predictions cannot have is not news here."""
    titles = {title.partition(",")[0] for title in report.TITLES.values()}
    return {name: why for name, why in report.reasons(scores).items() if name in titles}
