"""All records as one: ``docs/results/moving-ball.json``, means and spreads over seeds.

Each quantity has ``mean``, ``spread`` (the standard deviation over seeds, null for one seed),
``values`` and ``seeds``. Quantities of an observer have ``ideal_`` (ideal observer) or ``bounces_``
(offline observer) before the name.

``table2.N``         one budget for all N: ``mean_depth``, ``mean_depth_with_first``,
                     ``true_change_rate``, ``depth_off`` (mean depth less 1 + that rate),
                     ``total_state_kl``, ``share_above_level_2``, ``nats_above_level_2``,
                     ``precision``, ``recall``, ``f1``
``table5.N``         state divergence of each level, from level 1
``table3.LAMBDA``    ``change``, ``static`` (by inferred events); ``true_change``, ``true_static``;
                     ``surprisal``, ``ideal_surprisal``, ``surprisal_gap``, ``ideal_error``
``events.LAMBDA``    ``precision``, ``recall``, ``f1``, ``recall_bounces``,
                     ``recall_random_changes``
``futures.LAMBDA``   predicted frames
``held.LAMBDA``      what each level holds
``depth.LAMBDA``     as ``table2``, at the full budget
``ablations.NAME``   of an ablation; ``of_reference``: of its reference on the same seeds
``references.N``     of these references
``mnist``            the run on Moving MNIST
``paper_size.LAMBDA``  as ``table2``, ``table3`` and ``futures``, and the state divergence
                     ``level_1``, ``level_2``
``runs``             ``planned``, ``done``, ``failed``, ``missing``, ``core_hours``,
                     ``estimated_core_hours`` (of those done), ``gpu_hours``
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from reproduction.catalogue import LAMBDAS
from reproduction.named import Named
from reproduction.quantities import (
    FLOORS,
    Record,
    above_floors,
    at,
    depth_off,
    levels_of,
    recall_of_bounces,
    seed_of,
    surprisal_gap,
    switch_off,
    upper_nats,
    upper_share,
)
from reproduction.record import FIRST_STEPS

VERSION = 1


def aggregate(records: Mapping[str, Record], experiments: Sequence[Named]) -> dict[str, Any]:
    """What ``docs/results/moving-ball.json`` holds, made of the records that exist.

    Args:
        records: by name.
        experiments: all that are to be run.
    """
    planned = [named.name for named in experiments]
    known = {name: records[name] for name in planned if name in records}
    done = {name: record for name, record in known.items() if "failed" not in record}

    def of(group: str, kind: str) -> list[Record]:
        return [r for r in done.values() if (r["group"], r["kind"]) == (group, kind)]

    kinds = _kinds(experiments)
    full = {kind: of("full", kind) for kind in kinds.get("full", [])}
    levels = {kind: of("levels", kind) for kind in kinds.get("levels", [])}
    ablations = {kind: of("ablation", kind) for kind in kinds.get("ablation", [])}
    size = {kind: of("paper", kind) for kind in kinds.get("paper", [])}
    references = {named.kind: named.reference for named in experiments if named.reference}
    estimates = {named.name: named.core_hours for named in experiments}
    return {
        "version": VERSION,
        "runs": {
            "planned": len(planned),
            "done": sorted(done),
            "failed": {n: r["failed"] for n, r in known.items() if "failed" in r},
            "missing": [name for name in planned if name not in known],
            "core_hours": round(sum(r["core_hours"] for r in done.values()), 2),
            "gpu_hours": round(sum(r.get("gpu_hours", 0.0) for r in done.values()), 2),
            "estimated_core_hours": round(sum(estimates[name] for name in done), 2),
        },
        "table2": _of_each(levels, _table2),
        "table5": {
            kind: [_over(found, _nats_of(level)) for level in range(int(kind))]
            for kind, found in levels.items()
            if found
        },
        "table3": _of_each(full, _table3),
        "events": _of_each(full, _events),
        "sharper": _sharper(of("sharper", "0.1")),
        "futures": _of_each(full, _futures),
        "held": {
            kind: [_held(found, level) for level in range(2)]
            for kind, found in full.items()
            if found
        },
        "depth": _of_each(full, _table2),
        "ablations": {
            kind: {
                "reference": references[kind],
                **_compared(found),
                "of_reference": _compared(_same_seeds(levels.get(references[kind], []), found)),
            }
            for kind, found in ablations.items()
            if found
        },
        "references": {kind: _compared(found) for kind, found in levels.items() if found},
        "mnist": _mnist(of("mnist", "mnist")),
        "paper_size": _of_each(size, _at_papers_size),
    }


def lambdas(chances: Sequence[float] = LAMBDAS) -> list[str]:
    """The lambdas as names."""
    return [f"{chance:g}" for chance in chances]


def _kinds(experiments: Sequence[Named]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for named in experiments:
        kinds = found.setdefault(named.group, [])
        if named.kind not in kinds:
            kinds.append(named.kind)
    return found


def _of_each(
    groups: Mapping[str, list[Record]], table: Callable[[list[Record]], dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    return {kind: table(found) for kind, found in groups.items() if found}


def _at_papers_size(records: list[Record]) -> dict[str, Any]:
    return {
        **_table2(records),
        **_table3(records),
        **_futures(records),
        "true_depth": _over(records, lambda r: 1 + r["final"]["depth"]["true_change_rate"]),
        **{f"level_{level + 1}": _over(records, _nats_of(level)) for level in range(2)},
    }


def _nats_of(level: int) -> Callable[[Record], float]:
    return lambda record: levels_of(record)[level]["state_kl"]["mean"]


def _over(records: Iterable[Record], value: Callable[[Record], float | None]) -> Any:
    """Mean and spread over the seeds for which there is a value; None where there is none."""
    found = []
    for record in records:
        try:
            number = value(record)
        except (KeyError, IndexError):
            number = None
        if number is not None:
            found.append((seed_of(record), float(number)))
    if not found:
        return None
    seeds, values = zip(*sorted(found), strict=True)
    return {
        "mean": _round(statistics.fmean(values)),
        "spread": _round(statistics.stdev(values)) if len(values) > 1 else None,
        "seeds": list(seeds),
        "values": [_round(value) for value in values],
    }


def _same_seeds(records: list[Record], others: list[Record]) -> list[Record]:
    """Those records whose seed one of the others has as well."""
    seeds = {seed_of(other) for other in others}
    return [record for record in records if seed_of(record) in seeds]


def _table2(records: list[Record]) -> dict[str, Any]:
    return {
        **_scores(records, "precision", "recall", "f1"),
        "mean_depth": _over(records, at("depth", "mean_depth", "mean")),
        "mean_depth_with_first": _over(records, at("depth", "mean_depth_with_first", "mean")),
        "true_change_rate": _over(records, at("depth", "true_change_rate")),
        "total_state_kl": _over(records, at("depth", "total_state_kl", "mean")),
        "share_above_level_2": _over(records, upper_share),
        "nats_above_level_2": _over(records, upper_nats),
        "depth_off": _over(records, depth_off),
    }


def _table3(records: list[Record]) -> dict[str, Any]:
    def both(observer: str, outcome: str) -> Any:
        return _over(records, at("foresight", observer, outcome, "mean"))

    return {
        "change": both("model", "inferred_change"),
        "static": both("model", "inferred_static"),
        "true_change": both("model", "true_change"),
        "true_static": both("model", "true_static"),
        "surprisal": both("model", "surprisal"),
        "ideal_change": both("knows_past", "inferred_change"),
        "ideal_static": both("knows_past", "inferred_static"),
        "ideal_true_change": both("knows_past", "true_change"),
        "ideal_true_static": both("knows_past", "true_static"),
        "ideal_surprisal": both("knows_past", "surprisal"),
        "ideal_error": _over(records, at("foresight", "knows_past", "filter_error")),
        "bounces_change": both("knows_bounces", "inferred_change"),
        "bounces_static": both("knows_bounces", "inferred_static"),
        "bounces_true_change": both("knows_bounces", "true_change"),
        "bounces_true_static": both("knows_bounces", "true_static"),
        "surprisal_gap": _over(records, surprisal_gap),
    }


def _scores(records: list[Record], *names: str) -> dict[str, Any]:
    return {name: _over(records, at("events", name)) for name in names}


def _psnr(records: list[Record], *within: str) -> dict[str, Any]:
    names = ("best", "mean", *FLOORS)
    where = ("futures", *(within or ("psnr",)))
    return {f"psnr_{name}": _over(records, at(*where, name)) for name in names}


def _events(records: list[Record]) -> dict[str, Any]:
    return {
        **_scores(records, "precision", "recall", "f1"),
        "recall_bounces": _over(records, recall_of_bounces),
        "recall_random_changes": _over(records, at("events", "recalls", "random_changes")),
        "green_to_cyan": _over(records, at("events", "recalls_by_colour", "green_to_cyan")),
    }


def _futures(records: list[Record]) -> dict[str, Any]:
    world = (
        "clear",
        "true_clear",
        "sharpness",
        "switch_rate",
        "true_switch_rate",
        "in_order",
        "event_rate",
        "switches_at_events",
    )
    tracking = ("median_steps_best", "median_steps_mean", "knows_past_best", "knows_past_mean")
    return {
        "switch_off": _over(records, switch_off),
        "above_floors": _over(records, above_floors),
        **{name: _over(records, at("futures", "world", name)) for name in world},
        **{name: _over(records, at("futures", "tracking", name)) for name in tracking},
        **_spans(records),
    }


def _spans(records: list[Record]) -> dict[str, Any]:
    """PSNR over all predicted steps, and over the first ones."""
    first = {steps: _psnr(records, "psnr_of_first", steps) for steps in map(str, FIRST_STEPS)}
    return {**_psnr(records), "of_first": first}


def _held(records: list[Record], level: int) -> dict[str, Any]:
    ball = ("exchanged_colour_differs", "exchanged_centre_moves", "rolled_switches_in_order")
    return {
        "state_kl": _over(records, _nats_of(level)),
        "pixel_variance": _over(
            records, lambda r: levels_of(r)[level]["pixel_variance"]["elsewhere"]
        ),
        **{name: _over(records, lambda r, n=name: levels_of(r)[level]["ball"][n]) for name in ball},
    }


def _compared(records: list[Record]) -> dict[str, Any]:
    """What an ablation is compared by."""
    return {
        **_scores(records, "f1", "precision", "recall"),
        "mean_depth": _over(records, at("depth", "mean_depth", "mean")),
        "true_change": _over(records, at("foresight", "model", "true_change", "mean")),
        "true_static": _over(records, at("foresight", "model", "true_static", "mean")),
        "surprisal": _over(records, at("foresight", "model", "surprisal", "mean")),
        "total_state_kl": _over(records, at("depth", "total_state_kl", "mean")),
        "psnr_of_first_20": _over(records, at("futures", "psnr_of_first", "20", "best")),
        "median_steps_best": _over(records, at("futures", "tracking", "median_steps_best")),
        "clear": _over(records, at("futures", "world", "clear")),
        "in_order": _over(records, at("futures", "world", "in_order")),
    }


def _sharper(records: list[Record]) -> dict[str, Any]:
    return {**_events(records), "switch_off": _over(records, switch_off)} if records else {}


def _mnist(records: list[Record]) -> dict[str, Any]:
    if not records:
        return {}
    return {
        "mean_depth": _over(records, at("depth", "mean_depth", "mean")),
        "total_state_kl": _over(records, at("depth", "total_state_kl", "mean")),
        **_spans(records),
        "levels": [
            {
                "change_rate": _over(records, lambda r, n=level: levels_of(r)[n]["change_rate"]),
                "state_kl": _over(records, _nats_of(level)),
                "pixel_variance": _over(
                    records, lambda r, n=level: levels_of(r)[n]["pixel_variance"]["elsewhere"]
                ),
            }
            for level in range(len(levels_of(records[0])))
        ],
    }


def _round(value: float) -> float:
    return float(f"{value:.6g}")
