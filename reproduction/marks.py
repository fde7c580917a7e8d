"""The marks of a reproduction: which are met, by how many seeds, and by how much others miss."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from dlh.reports import paper
from reproduction.aggregate import lambdas

DEPTH_WITHIN = 0.1
NO_ACCIDENT = 0.95
"""Event F1 below which a right mean depth is an accident."""
UPPER_SHARE = 0.01
CHANGE_AT_LEAST = 0.95
STATIC_AT_MOST = 0.02
F1_AT_LEAST = 0.98
CLEAR_AT_LEAST = 0.95
SWITCHES_WITHIN = 0.10
STEPS_AT_LEAST = 60.0

NOT_RUN = "not run yet"
MISSED = "**missed**"
Quantity = Mapping[str, Any] | None
"""Mean, spread and values over seeds; None where no run gives it."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A claim, what was found, and whether it holds."""

    claim: str
    found: str
    verdict: str


@dataclass(frozen=True)
class Seeds:
    """How many runs there are of a kind: to be run, and run to an end or to a failure."""

    planned: int
    ended: int

    @classmethod
    def of(cls, results: Mapping[str, Any], kind: str) -> Seeds:
        """Of all whose names are ``kind`` and a seed."""
        runs = results["runs"]
        ended, missing = (
            sum(name.rpartition("-seed")[0] == kind for name in names)
            for names in ((*runs["done"], *runs["failed"]), runs["missing"])
        )
        return cls(ended + missing, ended)


def marks(results: Mapping[str, Any]) -> Iterator[Mark]:
    """All marks in the order of the page."""
    for levels in paper.MEAN_DEPTH:
        yield from _depth(results, levels)
    yield _equal_depths(results)
    for levels in ("3", "4", "5"):
        yield _upper(results, levels)
    foreseen = _find(results, "table3", "0")
    full = Seeds.of(results, "full-lambda0")
    yield _mark(
        "lambda 0: p(change) where level 2 changed at least .95",
        foreseen.get("change"),
        full,
        at_least=CHANGE_AT_LEAST,
    )
    yield _mark(
        "lambda 0: p(change) where it did not at most .02",
        foreseen.get("static"),
        full,
        at_most=STATIC_AT_MOST,
    )
    yield _monotonic(results)
    yield _mark(
        "lambda 0: event F1 at least .98",
        _find(results, "events", "0").get("f1"),
        full,
        at_least=F1_AT_LEAST,
    )
    futures = _find(results, "futures", "0")
    yield _mark(
        "lambda 0: 95 % of predicted frames have one saturated colour",
        futures.get("clear"),
        full,
        at_least=CLEAR_AT_LEAST,
        form="{:.1%}",
    )
    for chance in lambdas():
        yield _switches(results, chance)
    yield _mark(
        "lambda 0: the best future in place for at least 60 steps (median)",
        futures.get("median_steps_best"),
        full,
        at_least=STEPS_AT_LEAST,
        form="{:.0f}",
    )
    yield _floors(futures, full)


def _find(results: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    found: Any = results
    for name in names:
        found = (found or {}).get(name)
    return found or {}


def _mark(
    claim: str,
    quantity: Quantity,
    seeds: Seeds,
    *,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    form: str = "{:.3f}",
    more: str = "",
) -> Mark:
    """The mark that a quantity lies between two bounds; its mean decides, and every seed counts."""
    if quantity is None:
        return Mark(claim=claim, found=_absent(seeds), verdict=MISSED if seeds.ended else NOT_RUN)
    mean, spread = quantity["mean"], quantity["spread"]
    meets = [at_least <= value <= at_most for value in quantity["values"]]
    unsigned = form.replace("+", "")
    found = form.format(mean) + ("" if spread is None else f" ± {unsigned.format(spread)}") + more
    by = max(at_least - mean, mean - at_most)
    if by > 0:
        precise = unsigned.format(by)
        found += f"; missed by {precise if any(c in '123456789' for c in precise) else f'{by:.2g}'}"
    return Mark(claim=claim, found=found, verdict=_verdict(by <= 0, meets, seeds))


def _verdict(met: bool, meets: Sequence[bool], seeds: Seeds) -> str:
    """``meets``: of the seeds that gave a value; one that ended without one does not meet it."""
    many, ended = sum(meets), max(seeds.ended, len(meets))
    left = "" if ended >= seeds.planned else f", {seeds.planned - ended} to be run"
    of_seeds = f" ({many} of {_seeds(ended)}{left})" if seeds.planned > 1 else ""
    if not met:
        return MISSED + of_seeds
    if many < ended:
        return f"met on average{of_seeds}"
    return f"met so far{of_seeds}" if left else f"met{of_seeds}"


def _seeds(number: int) -> str:
    return f"{number} seed" if number == 1 else f"{number} seeds"


def _absent(seeds: Seeds) -> str:
    return "there is no such value: no run has one" if seeds.ended else NOT_RUN


def _depth(results: Mapping[str, Any], levels: str) -> Iterator[Mark]:
    found, seeds = _find(results, "table2", levels), Seeds.of(results, f"levels{levels}")
    rate = found.get("true_change_rate")
    yield _mark(
        f"N = {levels}: mean depth within .1 of 1 + true change rate (its distance)",
        found.get("depth_off"),
        seeds,
        at_least=-DEPTH_WITHIN,
        at_most=DEPTH_WITHIN,
        form="{:+.3f}",
        more=f", {found['mean_depth']['mean']:.3f} against {1 + rate['mean']:.3f}" if rate else "",
    )
    yield _mark(
        f"N = {levels}: and no accident, event F1 at least .95",
        found.get("f1"),
        seeds,
        at_least=NO_ACCIDENT,
    )


def _equal_depths(results: Mapping[str, Any]) -> Mark:
    claim = "mean depth equal over N = 2..5, within twice the standard error over seeds or .01"
    depths = {n: _find(results, "table2", n).get("mean_depth") for n in paper.MEAN_DEPTH}
    known = {n: depth for n, depth in depths.items() if depth and len(depth["values"]) > 1}
    if len(known) < len(depths):
        return Mark(claim=claim, found="takes two seeds of each N", verdict=NOT_RUN)

    def apart(pair: tuple[str, str]) -> tuple[float, float]:
        one, other = (known[n] for n in pair)
        errors = (each["spread"] / math.sqrt(len(each["values"])) for each in (one, other))
        return abs(one["mean"] - other["mean"]), max(2 * math.hypot(*errors), 0.01)

    pair = max(combinations(known, 2), key=lambda pair: apart(pair)[0] - apart(pair)[1])
    difference, allowed = apart(pair)
    found = f"N = {pair[0]} and {pair[1]}: {difference:.3f} apart, {allowed:.3f} allowed"
    left = sum(Seeds.of(results, f"levels{n}").planned - len(known[n]["values"]) for n in known)
    met = "met" if not left else f"met so far ({_seeds(left)} to be run)"
    return Mark(claim=claim, found=found, verdict=met if difference <= allowed else MISSED)


def _upper(results: Mapping[str, Any], levels: str) -> Mark:
    found = _find(results, "table2", levels)
    nats = found.get("nats_above_level_2")
    return _mark(
        f"N = {levels}: levels above 2 under 1 % of the state divergence",
        found.get("share_above_level_2"),
        Seeds.of(results, f"levels{levels}"),
        at_most=UPPER_SHARE,
        form="{:.2%}",
        more=f" ({nats['mean']:.2f} nats; the paper's at most .3 a level)" if nats else "",
    )


def _monotonic(results: Mapping[str, Any]) -> Mark:
    """Of the means, and of each seed that all lambdas have."""
    claim = "p(change) falls with lambda where level 2 changed, and rises where it did not"
    kinds = [Seeds.of(results, f"full-lambda{chance}") for chance in lambdas()]
    seeds = Seeds(min(kind.planned for kind in kinds), min(kind.ended for kind in kinds))
    found = [
        [_find(results, "table3", chance).get(name) for chance in lambdas()]
        for name in ("change", "static")
    ]
    known = [[quantity for quantity in each if quantity] for each in found]
    if any(len(each) < len(lambdas()) for each in known):
        verdict = MISSED if seeds.ended else NOT_RUN
        return Mark(claim=claim, found=_absent(seeds), verdict=verdict)
    falling, rising = known
    of_seed = [[dict(zip(q["seeds"], q["values"], strict=True)) for q in each] for each in known]
    common = set.intersection(*(set(values) for each in of_seed for values in each))
    meets = [
        _falls([values[seed] for values in of_seed[0]])
        and _falls([-values[seed] for values in of_seed[1]])
        for seed in sorted(common)
    ]
    means = [[quantity["mean"] for quantity in each] for each in (falling, rising)]
    met = _falls(means[0]) and _falls([-mean for mean in means[1]])
    said = ", ".join(f"{a:.3f} / {b:.3f}" for a, b in zip(*means, strict=True))
    return Mark(claim=claim, found=said, verdict=_verdict(met, meets, seeds))


def _falls(values: Sequence[float]) -> bool:
    return all(later < earlier for earlier, later in pairwise(values))


def _switches(results: Mapping[str, Any], chance: str) -> Mark:
    found = _find(results, "futures", chance)
    ours, truth = found.get("switch_rate"), found.get("true_switch_rate")
    rates = f", {ours['mean']:.3f} against {truth['mean']:.3f}" if ours and truth else ""
    return _mark(
        f"lambda {chance}: the predicted ball switches within 10 % of the true rate",
        found.get("switch_off"),
        Seeds.of(results, f"full-lambda{chance}"),
        at_least=-SWITCHES_WITHIN,
        at_most=SWITCHES_WITHIN,
        form="{:+.1%}",
        more=rates,
    )


def _floors(futures: Mapping[str, Any], seeds: Seeds) -> Mark:
    more = ""
    for steps, part in (*futures.get("of_first", {}).items(), ("200", futures)):
        best, floor = _against_floors(part)
        if best is not None and floor is not None:
            more += f"; first {steps} steps {best:.1f} against {floor:.1f}"
    return _mark(
        "lambda 0: PSNR of the best future over 200 steps above every floor, dB",
        futures.get("above_floors"),
        seeds,
        at_least=0.0,
        form="{:+.1f}",
        more=more,
    )


def _against_floors(futures: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """PSNR of the best future, and of the best floor."""
    floors = [
        found["mean"]
        for name in ("black", "mean", "last")
        if (found := futures.get(f"psnr_{name}_frame"))
    ]
    best = futures.get("psnr_best")
    return (best["mean"] if best else None), max(floors, default=None)
