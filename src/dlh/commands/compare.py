"""Several scores side by side, if they may be: the same clips, scored in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
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
    """Print a table of several scores, the floors of their clips below them, and return it.

    Raises:
        UsageError: a file cannot be read, or the protocols differ.
        OutputError: the table cannot be written.
    """
    paths, out = options.scores, options.out
    read = [read_scores(path) for path in paths]
    _check(paths, [protocol for protocol, _ in read])
    text = _table(paths, [scores for _, scores in read])
    say(text)
    if out is not None:
        make_folder(out)
        write_bytes(out / TABLE, as_utf8(text + "\n"))
        say(f"written: {out / TABLE}")
    return text


def _check(paths: Sequence[Path], protocols: Sequence[Protocol]) -> None:
    first = protocols[0]
    for path, other in zip(paths[1:], protocols[1:], strict=True):
        if found := differences(first, other):
            raise UsageError(
                f"{paths[0]} and {path} cannot be compared: {'; '.join(found)}; evaluate both in "
                "the same way"
            )


def _table(paths: Sequence[Path], scores: Sequence[dict[str, Any]]) -> str:
    rows = [_row(str(path), each, MODEL) for path, each in zip(paths, scores, strict=True)]
    # The mean frame is that of each one's training clips, the other floors are all the same.
    for name in (*FLOORS, ORACLE):
        found = [_row(_floor(name), each, name) for each in scores]
        rows += [row for row in dict.fromkeys(found) if any(cell != "-" for cell in row[1:])]
    data, protocol = scores[0]["protocol"]["data"], scores[0]["protocol"]
    context = "" if protocol["context"] is None else f"{protocol['context']} + "
    parts = [
        f"{data['clips']} clips of {data['name']}, {context}{protocol['horizon']} frames, best of "
        f"{protocol['samples']} [95 % interval over clips] (mean of the samples)",
        report.markdown(report.head(), rows),
    ]
    for path, each in zip(paths, scores, strict=True):
        below = [text for text in report.verdicts(each) if "below" in text or "worse" in text]
        parts += [f"{path}: {text}".replace("**", "") for text in below]
        parts += [f"{path}: {name} not computed: {why}" for name, why in _missing(each).items()]
    return "\n\n".join([*parts[:2], "\n".join(parts[2:])]).rstrip()


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
