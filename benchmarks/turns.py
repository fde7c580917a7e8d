"""Sides of a comparison that take turns, and the ratio of their rates."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

Side = Callable[[], object]


def take_turns(sides: dict[str, Side], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """(seconds, the processor's seconds) of each side in each round, after a round to warm up."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            clock, processor = time.perf_counter(), time.process_time()
            side()
            took = time.perf_counter() - clock, time.process_time() - processor
            if turn:
                times[name].append(took)
    return times


def ratio(of: list[tuple[float, float]], over: list[tuple[float, float]], clock: int = 0) -> float:
    """How many times the rate of ``over`` the rate of ``of`` is."""
    return statistics.median(
        theirs[clock] / mine[clock] for mine, theirs in zip(of, over, strict=True)
    )


def seconds(times: list[tuple[float, float]]) -> float:
    """The median of the clock's."""
    return statistics.median(clock for clock, _ in times)


def table(rows: list[dict], columns: dict[str, str]) -> str:
    """Markdown, a column for each ``title: format`` over the keys of the rows."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        lines.append("| " + " | ".join(text.format(**row) for text in columns.values()) + " |")
    return "\n".join(lines)
