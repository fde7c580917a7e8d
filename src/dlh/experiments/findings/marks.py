"""The marks of a reproduction: which are met, and by how much the others are missed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dlh.experiments.findings import paper
from dlh.experiments.findings.aggregate import lambdas

NOT_RUN = "not run yet"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A claim, what was found, and whether it holds (None: not known yet)."""

    claim: str
    found: str
    met: bool | None

    @property
    def verdict(self) -> str:
        return NOT_RUN if self.met is None else ("met" if self.met else "**missed**")


def marks(results: Mapping[str, Any]) -> Iterator[Mark]:
    """All marks in the order of the page."""
    for levels in paper.MEAN_DEPTH:
        yield _depth(results, levels)
    for levels in ("3", "4", "5"):
        yield _at_most(
            f"N = {levels}: levels above 2 under 1 % of the state divergence",
            _mean(results, "table2", levels, "share_above_level_2"),
            paper.UPPER_SHARE,
            percent=True,
        )
    yield _at_least(
        "lambda 0: p(change) where level 2 changed at least .95",
        _mean(results, "table3", "0", "change"),
        paper.CHANGE_AT_LEAST,
    )
    yield _at_most(
        "lambda 0: p(change) where it did not at most .02",
        _mean(results, "table3", "0", "static"),
        paper.STATIC_AT_MOST,
    )
    yield _monotonic(results)
    yield _at_least(
        "lambda 0: event F1 at least .98", _mean(results, "events", "0", "f1"), paper.F1_AT_LEAST
    )
    yield _at_least(
        "lambda 0: 95 % of predicted frames have one saturated colour",
        _mean(results, "futures", "0", "clear"),
        paper.CLEAR_AT_LEAST,
        percent=True,
    )
    for chance in lambdas():
        yield _switches(results, chance)
    yield _at_least(
        "lambda 0: the best future in place for at least 60 steps (median)",
        _mean(results, "futures", "0", "median_steps_best"),
        paper.STEPS_AT_LEAST,
        digits=0,
    )
    yield _floors(results)


def _mean(results: Mapping[str, Any], *names: str) -> float | None:
    found: Any = results
    for name in names:
        found = found.get(name) if found else None
    return None if found is None else found["mean"]


def _at_least(
    claim: str, value: float | None, mark: float, *, percent: bool = False, digits: int = 3
) -> Mark:
    return _compared(claim, value, mark, 1, percent, digits)


def _at_most(
    claim: str, value: float | None, mark: float, *, percent: bool = False, digits: int = 3
) -> Mark:
    return _compared(claim, value, mark, -1, percent, digits)


def _compared(
    claim: str, value: float | None, mark: float, sign: int, percent: bool, digits: int
) -> Mark:
    if value is None:
        return Mark(claim=claim, found=NOT_RUN, met=None)
    met = sign * (value - mark) >= 0

    def said(number: float) -> str:
        return f"{100 * number:.1f} %" if percent else f"{number:.{digits}f}"

    by = "" if met else f", missed by {said(abs(value - mark))}"
    return Mark(claim=claim, found=said(value) + by, met=met)


def _depth(results: Mapping[str, Any], levels: str) -> Mark:
    claim = f"N = {levels}: mean depth within .1 of 1 + true change rate"
    depth = _mean(results, "table2", levels, "mean_depth")
    rate = _mean(results, "table2", levels, "true_change_rate")
    if depth is None or rate is None:
        return Mark(claim=claim, found=NOT_RUN, met=None)
    off = depth - 1 - rate
    met = abs(off) <= paper.DEPTH_WITHIN
    by = "" if met else f", missed by {abs(off) - paper.DEPTH_WITHIN:.3f}"
    return Mark(claim=claim, found=f"{depth:.3f} against {1 + rate:.3f}{by}", met=met)


def _monotonic(results: Mapping[str, Any]) -> Mark:
    claim = "p(change) falls with lambda where level 2 changed, and rises where it did not"
    change = [_mean(results, "table3", chance, "change") for chance in lambdas()]
    static = [_mean(results, "table3", chance, "static") for chance in lambdas()]
    falling = [value for value in change if value is not None]
    rising = [value for value in static if value is not None]
    if len(falling) < len(change) or len(rising) < len(static):
        return Mark(claim=claim, found=NOT_RUN, met=None)
    met = falling == sorted(falling, reverse=True) and rising == sorted(rising)
    said = ", ".join(f"{a:.3f} / {b:.3f}" for a, b in zip(falling, rising, strict=True))
    return Mark(claim=claim, found=said, met=met)


def _switches(results: Mapping[str, Any], chance: str) -> Mark:
    claim = f"lambda {chance}: the predicted ball switches within 10 % of the true rate"
    ours = _mean(results, "futures", chance, "switch_rate")
    truth = _mean(results, "futures", chance, "true_switch_rate")
    if ours is None or not truth:
        return Mark(claim=claim, found=NOT_RUN, met=None)
    off = ours / truth - 1
    found = f"{ours:.3f} against {truth:.3f} ({100 * off:+.1f} %)"
    return Mark(claim=claim, found=found, met=abs(off) <= paper.SWITCHES_WITHIN)


def _floors(results: Mapping[str, Any]) -> Mark:
    claim = "lambda 0: PSNR of the best future over 200 steps above every floor"
    futures = (results.get("futures") or {}).get("0") or {}
    ours, floor = _against_floors(futures)
    if ours is None or floor is None:
        return Mark(claim=claim, found=NOT_RUN, met=None)
    found = f"{ours:.1f} dB against {floor:.1f}"
    for steps, part in (futures.get("of_first") or {}).items():
        best, most = _against_floors(part)
        if best is not None and most is not None:
            found += f"; first {steps} steps {best:.1f} against {most:.1f}"
    return Mark(claim=claim, found=found, met=ours > floor)


def _against_floors(futures: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """PSNR of the best future, and of the best floor."""
    floors = [_mean(futures, f"psnr_{name}_frame") for name in ("black", "mean", "last")]
    known = [floor for floor in floors if floor is not None]
    return _mean(futures, "psnr_best"), max(known, default=None)
