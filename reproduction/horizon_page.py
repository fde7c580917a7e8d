"""The page of the long horizon: what each run reaches beside its marks, and in how many starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reproduction.marks import MISSED
from reproduction.results_cells import table
from reproduction.studies.emergence import EMERGED, HEADS, summary

Record = Mapping[str, Any]

MARKED = "moving-ball-long"
"""The preset whose runs the marks are for."""
MET = "met"
FLOORS = ("black_frame", "mean_frame", "last_frame")

HEAD = """# How far does the hierarchy see?

Moving Ball, single starts. Numbers are of test clips unless a heading says validation. Made by
`python -m reproduction horizon` from [futures.json](long-horizon/futures.json) and
[emergence.json](long-horizon/emergence.json). [The log](../log.md) has the experiments that led
here, the failures too, and
[the marks on all worlds](../log.md#which-marks-of-the-long-horizon-are-met)."""

SHARPER = """Other runs of the recipe, by the final std of a pixel's likelihood (Eq. 8a). *Observed
frames*: PSNR of what is decoded from the states inferred about them. *Sharpness* of predicted
frames: 1 where every pixel is 0 or 1. Each at the temperature that its validation clips chose, and
at 1."""

CLOCKS_NOTE = """Level 2 against every change, level 3 against those of the room, on 64 test clips
after the joint updates of the preset. Level 2 also changes where the ball crosses the middle of the
room ([what was tried](../log.md#does-a-dim-room-help-in-two-clocks))."""

BEFORE = {
    "l0": "lambda 0, 32 px, std 1",
    "l1": "lambda 0.1, 32 px, std 1",
    "l3": "lambda 0.3, 32 px, std 1",
    "std0.25": "lambda 0, 32 px, std 0.25",
    "std0.5": "lambda 0, 32 px, std 0.5",
    "std2.0": "lambda 0, 32 px, std 2",
}
"""The worlds of the starts of before.json, by the beginning of their names."""
CLOCKS = "Two Clocks"
"""How the names of its worlds begin."""
CLOCKS_MARK = 0.95


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A number that a run was to reach.

    Attributes:
        what: the number, for people.
        of: reads it from a record; None where the run has no such number.
        form: of the number.
        wanted: the mark, for people.
        holds: whether a number meets it.
        why: the heading in the log of the experiments that explain a miss.
    """

    what: str
    of: Callable[[Record], float | None]
    form: str
    wanted: str
    holds: Callable[[float], bool]
    why: str = ""


def above_floors(record: Record, futures: str) -> float:
    """PSNR over the highest floor, dB, at the chosen temperature; "best" or "mean" of futures."""
    psnr = record["at"]["chosen"]["psnr"]
    return psnr[futures] - max(psnr[name] for name in FLOORS)


def over_least(record: Record) -> float:
    """What level 1 pays, over the least that an ideal Gaussian prior would."""
    return record["nats"][0] / record["least_nats"]


MARKS = (
    Mark(
        what="event F1", of=lambda r: r["f1"], form="{:.3f}", wanted="at least .98",
        holds=lambda f1: f1 >= 0.98,
    ),
    Mark(
        what="p(change) where level 2 changed", of=lambda r: r["p_change"], form="{:.3f}",
        wanted="at least .97 (the paper's)", holds=lambda p: round(p, 2) >= 0.97,
    ),
    Mark(
        what="p(change) where it did not", of=lambda r: r["p_static"], form="{:.4f}",
        wanted="at most .007 (the paper's)", holds=lambda p: round(p, 3) <= 0.007,
    ),
    Mark(
        what="steps in place, best future (median clip)",
        of=lambda r: r["at"]["chosen"]["in_place_best"], form="{:.0f}", wanted="200",
        holds=lambda steps: steps >= 200,
    ),
    Mark(
        what="steps in place, mean of the futures (median clip)",
        of=lambda r: r["at"]["chosen"]["in_place_mean"], form="{:.1f}", wanted="at least 120",
        holds=lambda steps: steps >= 120,
        why="do-two-more-seeds-of-the-long-training-meet-the-marks",
    ),
    Mark(
        what="PSNR over 200 steps above the highest floor, best future, dB",
        of=lambda r: above_floors(r, "best"), form="{:+.1f}", wanted="at least 6",
        holds=lambda decibels: decibels >= 6,
    ),
    Mark(
        what="the same of the mean future, dB", of=lambda r: above_floors(r, "mean"),
        form="{:+.1f}", wanted="above 0", holds=lambda decibels: decibels > 0,
    ),
    Mark(
        what="nats that level 1 pays, divided by its floor", of=over_least, form="{:.1f}",
        wanted="at most 1.5", holds=lambda ratio: ratio <= 1.5,
        why="does-the-noise-of-the-drawn-states-keep-level-1-from-foreseeing",
    ),
)  # fmt: skip


def render(
    records: Sequence[Record], starts: Sequence[Record], before: Mapping[str, Record] | None = None
) -> str:
    """The page, as Markdown.

    Args:
        records: of ``futures.json``.
        starts: of ``emergence.json``.
        before: of ``before.json``, starts of an earlier recipe by name.
    """
    parts = [HEAD]
    if marked := [record for record in records if record["preset"] == MARKED]:
        parts += _of_the_marked(marked)
    if others := [record for record in records if record["preset"] != MARKED]:
        parts += [
            "## Does a sharper likelihood give sharper frames and longer futures?",
            SHARPER,
            _sharpness(others),
        ]
    clocks = [start for start in starts if start["world"].startswith(CLOCKS)]
    if of_ball := [start for start in starts if start not in clocks]:
        parts += [
            "## In how many single starts a hierarchy emerges",
            _starts(of_ball, before or {}),
            "Each after its last update, on 64 test clips. *Early memories*: in which of the first "
            "40 % of the updates memories are read. *Before*: the recipe of the first day, on "
            "validation clips (`before.json`). [Trivial detectors](events.md) with thresholds from "
            "labels find these changes too: the mean colour of what moves has an F1 of 1.00 on a "
            "plain ball and in the textured room. Starts by which a rule of the recipe was chosen "
            "are no evidence, and are left out.",
        ]
    if clocks:
        parts += ["## Two Clocks", CLOCKS_NOTE, _clocks(clocks)]
    return "\n\n".join(parts) + "\n"


def _of_the_marked(records: Sequence[Record]) -> list[str]:
    plural = "" if len(records) == 1 else "s"
    return [
        "## Marks",
        f"{len(records)} run{plural}, each at the temperature that its validation clips chose by "
        "the energy score.",
        _marks(records),
        "## Futures at each temperature",
        _futures(records),
        "The floor of level 1 is what the best Gaussian prior of an observer that has seen all "
        "frames so far would pay for these posteriors, rounding included. The paper's level 1 "
        "pays 35 nats a clip of 100 frames, for its own posteriors.",
        "## What temperatures do on validation clips",
        _temperatures(records),
        "## What the trainings took",
        _trainings(records),
    ]


def _marks(records: Sequence[Record]) -> str:
    rows = []
    for mark in MARKS:
        values = [mark.of(record) for record in records]
        met = sum(value is not None and mark.holds(value) for value in values)
        verdict = MET if met == len(values) else f"{MISSED} ({met} of {len(values)} met)"
        if mark.why and met < len(values):
            verdict += f"; [why](../log.md#{mark.why})"
        rows.append(
            [mark.what, mark.wanted, *(_number(value, mark.form) for value in values), verdict]
        )
    return table(["", "mark", *(f"seed {record['seed']}" for record in records), ""], rows)


def _futures(records: Sequence[Record]) -> str:
    rows = []
    for record in records:
        for at in _each_temperature(record):
            psnr, tried = at["psnr"], _on_validation(record, at)
            rows.append(
                [
                    str(record["seed"]),
                    _temperature(at),
                    f"{at['in_place_best']:.0f} / {at['in_place_mean']:.0f}",
                    f"{psnr['best']:.1f} / {psnr['mean']:.1f}",
                    f"{max(psnr[name] for name in FLOORS):.1f}",
                    f"{at['clear']:.1%}",
                    f"{tried['energy_score']:.4f} / {tried['diversity']:.3f}",
                    f"{_number(at['switch_rate'])} / {_number(at['true_switch_rate'])}",
                    f"{record['nats'][0]:.0f} / {record['least_nats']:.0f}",
                ]
            )
    first = records[0]
    heads = [
        "seed", "temperature",
        f"steps of {first['horizon']} in place, best of {first['samples']} / mean",
        "PSNR, best / mean", "highest floor", "frames with one clear ball",
        "energy score / spread, validation", "switches a step / in truth", "level 1, nats / floor",
    ]  # fmt: skip
    return table(heads, rows)


def _sharpness(records: Sequence[Record]) -> str:
    rows = []
    for record in sorted(records, key=lambda record: record["likelihood_std"]):
        for at in _each_temperature(record):
            tried = _on_validation(record, at)
            rows.append(
                [
                    f"{record['likelihood_std']:g}",
                    str(record["seed"]),
                    f"{record['f1']:.3f}",
                    f"{record['reconstruction_psnr']:.1f}",
                    " / ".join(f"{nats:.0f}" for nats in record["nats"]),
                    f"{record['least_nats']:.0f}",
                    _temperature(at),
                    f"{tried['energy_score']:.4f} / {tried['diversity']:.3f}",
                    f"{at['in_place_best']:.0f} / {at['in_place_mean']:.0f}",
                    f"{at['psnr']['best']:.1f} / {at['psnr']['mean']:.1f}",
                    f"{at['sharpness']:.2f}",
                    f"{at['clear']:.1%}",
                ]
            )
    first = records[0]
    heads = [
        "std", "seed", "event F1", "observed frames, dB", "nats of levels 1 / 2",
        "floor of level 1", "temperature", "energy score / spread, validation",
        f"steps of {first['horizon']} in place, best of {first['samples']} / mean",
        "PSNR, best / mean", "sharpness", "frames with one clear ball",
    ]  # fmt: skip
    return table(heads, rows)


def _each_temperature(record: Record) -> Sequence[Record]:
    """Futures at the chosen temperature, and at 1 where that is another."""
    chosen, learnt = record["at"]["chosen"], record["at"]["as_learnt"]
    return [chosen] if _pair(chosen) == _pair(learnt) else [chosen, learnt]


def _on_validation(record: Record, at: Record) -> Record:
    """What the validation clips gave at a temperature."""
    return next(one for one in record["temperature"]["tried"] if _pair(one) == _pair(at))


def _pair(at: Record) -> tuple[float, float]:
    return at["states"], at["decisions"]


def _temperatures(records: Sequence[Record]) -> str:
    rows = [
        [
            str(record["seed"]),
            _temperature(tried),
            f"{tried['energy_score']:.4f}",
            f"{tried['diversity']:.3f}",
            _number(tried["change_rate"]),
        ]
        for record in records
        for tried in record["temperature"]["tried"]
    ]
    heads = ["seed", "temperature", "energy score", "spread of the futures", "changes a step"]
    return table(heads, rows)


def _trainings(records: Sequence[Record]) -> str:
    rows = [
        [
            record["run"],
            record["preset"],
            str(record["joint_updates"]),
            " + ".join(map(str, record["later_updates"])),
            _number(record["core_seconds"] and record["core_seconds"] / 60, "{:.0f}"),
        ]
        for record in records
    ]
    return table(["run", "preset", "joint updates", "later updates", "core-minutes"], rows)


def _starts(starts: Sequence[Record], before: Mapping[str, Record]) -> str:
    evidence = [start for start in starts if not start.get("chose_a_rule")]
    earlier: dict[str, list[bool]] = defaultdict(list)
    for name, start in before.items():
        world = BEFORE[name.partition("-")[0]]
        earlier[world].append(start["events.f1"] >= EMERGED)
    rows = []
    for row in summary(evidence):
        found = earlier.pop(row[0], [])  # stands once, where the world has several recipes
        rows.append([*row, f"{sum(found)} of {len(found)}" if found else "-"])
    return table([*HEADS, "before"], rows)


def _clocks(starts: Sequence[Record]) -> str:
    rows = []
    for start in starts:
        third = start["higher"].get("L3", {})
        both = (start["f1"], third.get("f1", 0.0))
        rows.append(
            [
                start["world"].removeprefix(f"{CLOCKS}, "),
                str(start["seed"]) + (" (chose the recipe)" if start.get("chose_a_rule") else ""),
                " / ".join(f"{start[name]:.2f}" for name in ("precision", "recall", "f1")),
                " / ".join(
                    _number(third.get(name), "{:.3f}") for name in ("precision", "recall", "f1")
                ),
                " / ".join(f"{rate:.3f}" for rate in start["change_rates"][1:]),
                MET if min(both) >= CLOCKS_MARK else MISSED,
            ]
        )
    heads = [
        "world", "seed", "level 2, precision / recall / F1", "level 3, of its own events",
        "changes a step of levels 2, 3, ...", f"F1 at least {CLOCKS_MARK:g}",
    ]  # fmt: skip
    return table(heads, rows)


def _temperature(at: Record) -> str:
    decisions = at["decisions"]
    return f"{at['states']:g}" + (f", decisions {decisions:g}" if decisions != 1 else "")


def _number(value: float | None, form: str = "{:.3f}") -> str:
    return "-" if value is None else form.format(value)
