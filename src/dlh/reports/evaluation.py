"""The scores of an evaluation for people: tables, scores.md, the curves, and report.html.

The tables of `dlh compare` are made here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dlh.evaluation.results import NAMES
from dlh.evaluation.rows import FLOORS, MODEL, ORACLE, ROWS
from dlh.evaluation.scores.fvd import FVD
from dlh.evaluation.scoring import DIVERSITY, ENERGY
from dlh.reports.figures.curves import ScorePanel, draw_best_of, draw_score_curves
from dlh.reports.render import listed, render

TITLES = {
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "ssim_legacy": "SSIM legacy",
    "lpips": "LPIPS",
    "fvd": "FVD",
}
ROW_TITLES = {
    MODEL: "model",
    "black": "black frame",
    "mean_frame": "mean frame",
    "last_frame": "last frame",
    "other_clip": "another clip",
    "best_of_other_clips": "best of other clips",
    ORACLE: "oracle",
}
BELOW = "below"
NOTHING = "-"


def head() -> tuple[str, ...]:
    """Of the table of :func:`score_rows`."""
    return ("", *TITLES.values(), "energy", "samples")


def score_rows(scores: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Every row: best [interval] (mean) of each metric, energy score, number of samples."""
    for name in ROWS:
        cells = [cell(scores["rows"][name][metric], metric) for metric in NAMES]
        energy = scores["distribution"].get(name)
        title = ROW_TITLES[name] if name in (MODEL, ORACLE) else f"floor: {ROW_TITLES[name]}"
        yield (
            title,
            *cells,
            NOTHING if energy is None else f"{energy[ENERGY]['mean']:.3f}",
            str(scores["samples"].get(name, NOTHING)),
        )


def cell(entry: Mapping[str, Any], metric: str) -> str:
    """best [interval] (mean), or that there is none."""
    if entry["best"] is None:
        return NOTHING
    text = number(entry["best"], metric)
    if entry["ci_low"] is not None:
        low, high = (number(entry[key], metric) for key in ("ci_low", "ci_high"))
        text += f" [{low}, {high}]"
    if entry["spread"]:
        text += f" ({number(entry['mean'], metric)})"
    return text


def number(value: float, metric: str) -> str:
    """With as many digits as are worth reading."""
    return f"{value:.{ {'psnr': 2, FVD: 1}.get(metric, 3) }f}"


def verdicts(scores: Mapping[str, Any]) -> Iterator[str]:
    """For each metric, which floors the model does not reach."""
    for metric, marks in scores[BELOW].items():
        if metric == ENERGY:
            yield (
                f"Energy score: **worse than that of {_and(marks['mean'])}**."
                if marks["mean"]
                else "Energy score: better than that of all floors."
            )
            continue
        title = TITLES[metric].partition(",")[0]
        if best := marks["best"]:
            yield f"{title}: the model's best is **below {_and(best)}**."
        elif mean := marks["mean"]:
            yield f"{title}: the model's best is above all floors, its mean is below {_and(mean)}."
        elif all(scores["rows"][floor][metric]["best"] is None for floor in FLOORS):
            yield f"{title}: there is no floor to compare with."
        else:
            yield f"{title}: the model is above all floors."


def reasons(scores: Mapping[str, Any]) -> dict[str, str]:
    """What was not computed, and why: metrics first, then rows."""
    found: dict[str, str] = {}
    for metric in NAMES:
        if why := scores["rows"][ORACLE][metric].get("not_computed"):
            found[TITLES[metric].partition(",")[0]] = why
    for name in ROWS:
        if all("not_computed" in entry for entry in scores["rows"][name].values()):
            found[ROW_TITLES[name]] = scores["rows"][name]["psnr"]["not_computed"]
    return found


TEMPERATURE_HEAD = (
    "temperature", "of decisions", "energy", "diversity", "changes per step", "PSNR, best",
    "PSNR, mean",
)  # fmt: skip


def temperature_rows(chosen: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """What every tried temperature gave on validation clips; the one that was taken is marked."""
    taken = (chosen["states"], chosen["decisions"])
    for one in chosen["tried"]:
        rate, mark = one["change_rate"], (one["states"], one["decisions"]) == taken
        yield (
            f"{one['states']:g}" + (", taken" if mark else ""),
            f"{one['decisions']:g}",
            f"{one['energy_score']:.4f}",
            f"{one['diversity']:.3f}",
            NOTHING if rate is None else f"{rate:.3f}",
            number(one["psnr_best"], "psnr"),
            number(one["psnr_mean"], "psnr"),
        )


def event_rows(events: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Precision / recall / F1 of every level under every tolerance, and of claiming every frame."""
    for level in events["levels"]:
        best = ", the best" if level["level"] == events["best_level"] else ""
        cells = [_three(found) for found in level["tolerance"].values()]
        own = f", of its own {level['true_change_rate']:.3f}" if "true_change_rate" in level else ""
        yield (f"level {level['level']}{best}", f"{level['rate']:.3f}{own}", *cells)
    tolerances = len(events["levels"][0]["tolerance"])
    claims = (_three(events["every_frame"]), *[NOTHING] * (tolerances - 1))
    yield ("floor: an event at every frame", "1.000", *claims)
    yield from _floor_rows("floor: ", events)
    for level in events["levels"]:
        yield from _floor_rows(f"floor of level {level['level']}: ", level)


def _floor_rows(before: str, found: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, floor in found.get("floors", {}).items():
        cells = [_three(scores) for scores in floor["tolerance"].values()]
        yield (f"{before}{name}", f"{floor['rate']:.3f}", *cells)


def event_head(events: Mapping[str, Any]) -> tuple[str, ...]:
    """Of the table of :func:`event_rows`."""
    tolerances = events["levels"][0]["tolerance"]
    said = [f"within {frames}" if frames != "0" else "same frame" for frames in tolerances]
    return ("", "changes per frame", *said)


def protocol_lines(protocol: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was done, as name and value."""
    data, model = protocol["data"], protocol["model"]
    context = "not given" if protocol["context"] is None else f"{protocol['context']} frames"
    yield "protocol", protocol["name"]
    yield "model", f"{model['name']} (SHA-256 {model['sha256'][:16]})"
    split = f" {data['split']}" if data["split"] else ""
    states, decisions = (model.get(key, 1.0) for key in ("temperature", "decision_temperature"))
    yield "temperature", f"{states:g} of states, {decisions:g} of decisions"
    yield "clips", f"{data['clips']}{split} clips of {data['name']}"
    yield "manifest", f"SHA-256 {data['manifest_sha256']}"
    yield "predicted frames", f"SHA-256 {data['truth_sha256']}"
    yield "context", context
    yield "horizon", f"{protocol['horizon']} frames, all scored"
    yield (
        "samples",
        f"{protocol['samples']} futures of each clip, drawn {protocol['samples_per_draw']} at a "
        f"time, seed {protocol['seed']}",
    )
    yield "best", protocol["best_of"]
    yield "clipping", protocol["clipping"]
    yield (
        "intervals",
        f"{protocol['coverage']:.0%}, bootstrap over clips, {protocol['resamples']} resamples",
    )
    for spec in protocol["metrics"]:
        parameters = ", ".join(f"{key} {value}" for key, value in spec["parameters"].items())
        yield spec["name"], parameters
    yield "software", ", ".join(f"{key} {value}" for key, value in protocol["software"].items())


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def write_markdown(scores: Mapping[str, Any]) -> str:
    """scores.md."""
    protocol = scores["protocol"]
    parts = [
        f"# Scores of {protocol['model']['name']}",
        f"Best of {protocol['samples']} [95 % interval over clips] (mean of the samples, where "
        "they differ). LPIPS, FVD and the energy score are better when lower.",
        markdown(head(), list(score_rows(scores))),
        "\n".join(f"- {text}" for text in verdicts(scores)),
    ]
    if missing := reasons(scores):
        parts.append("\n".join(f"- not computed: {name}: {why}" for name, why in missing.items()))
    diversity = scores["distribution"][MODEL][DIVERSITY]["mean"]
    parts.append(
        f"Two futures of a clip differ by {diversity:.3f} (root mean square of their pixels)."
    )
    if chosen := scores.get("temperature"):
        parts += [
            "## Temperature",
            f"Futures of {chosen['validation_clips']} validation clips at every temperature that "
            "was tried, with the same noise. The energy score chooses (lower is better).",
            markdown(TEMPERATURE_HEAD, list(temperature_rows(chosen))),
        ]
    if events := scores.get("events"):
        parts += [
            "## Events",
            "Precision / recall / F1 of the changes of each level, pooled over clips, first frames "
            f"left out; true events per frame: {events['true_change_rate']:.3f}.",
            markdown(event_head(events), list(event_rows(events))),
        ]
    parts += ["## Protocol", "\n".join(f"- {k}: {v}" for k, v in protocol_lines(protocol))]
    return "\n\n".join(parts) + "\n"


def pictures_of(scores: Mapping[str, Any], beside: Mapping[str, Any]) -> dict[str, bytes]:
    """The curves of every metric that was computed.

    Args:
        scores: what scores.json holds.
        beside: what curves.json holds.
    """
    frames, best_of = beside["per_frame"], beside["best_of"]
    samples = scores["samples"][MODEL]
    per_frame, per_count = [], []
    for spec in scores["protocol"]["metrics"]:
        name = spec["name"]
        if name == FVD:
            continue
        better = "higher" if spec["higher_is_better"] else "lower"
        title = f"{TITLES[name]} ({better} is closer)"
        model = frames[MODEL][name]
        floors = {
            ROW_TITLES[floor]: frames[floor][name]["best"] for floor in FLOORS if floor in frames
        }
        best = model["best"] if samples > 1 else None
        per_frame.append(ScorePanel(title=title, best=best, mean=model["mean"], floors=floors))
        curve = best_of[MODEL][name]
        others = {
            ROW_TITLES[floor]: np.resize(best_of[floor][name], len(curve))
            if len(best_of[floor][name]) == 1
            else best_of[floor][name]
            for floor in FLOORS
            if floor in best_of
        }
        level = [curve[0]] * len(curve)
        per_count.append(ScorePanel(title=title, best=curve, mean=level, floors=others))
    pictures = {"per_frame": draw_score_curves(per_frame, samples=samples)}
    if samples > 1:
        pictures["best_of"] = draw_best_of(per_count)
    return pictures


def render_page(
    scores: Mapping[str, Any], *, pictures: Mapping[str, bytes], strips: Sequence[tuple[str, bytes]]
) -> str:
    """The page: pictures inside, no script, nothing fetched from anywhere.

    Args:
        scores: what scores.json holds.
        pictures: of :func:`pictures_of`.
        strips: title and picture of the clips that are shown.
    """
    distribution, events = scores["distribution"][MODEL], scores.get("events")
    chosen = scores.get("temperature")
    of_events: dict[str, Any] = {"event_rows": []}
    if events:
        of_events = {
            "event_head": event_head(events),
            "event_rows": list(event_rows(events)),
            "true_change_rate": events["true_change_rate"],
        }
    return render(
        "evaluation.html",
        protocol=scores["protocol"],
        headline=list(_headline(scores)),
        head=head(),
        score_rows=[_narrow(row) for row in score_rows(scores)],
        verdicts=list(verdicts(scores)),
        missing=reasons(scores),
        energy=distribution[ENERGY]["mean"],
        diversity=distribution[DIVERSITY]["mean"],
        pictures=pictures,
        strips=strips,
        temperature=chosen,
        temperature_head=TEMPERATURE_HEAD,
        temperature_rows=list(temperature_rows(chosen)) if chosen else [],
        protocol_lines=list(protocol_lines(scores["protocol"])),
        **of_events,
    )


def _headline(scores: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str], bool]]:
    """Of each metric: its title, the model's score, the floors above it, whether there are any."""
    rows = scores["rows"]
    for name in NAMES:
        if (best := rows[MODEL][name]["best"]) is None:
            continue
        floors = [ROW_TITLES[floor] for floor in scores["below"][name]["best"]]
        compared = any(rows[row][name]["best"] for row in rows if row != MODEL)
        yield TITLES[name], number(best, name), floors, compared


def _narrow(row: Sequence[str]) -> list[str]:
    """A cell may go on in a second line, an interval in it may not."""
    return [row[0], *(cell.replace(", ", ",\N{NO-BREAK SPACE}") for cell in row[1:])]


def _three(found: Mapping[str, float]) -> str:
    return f"{found['precision']:.2f} / {found['recall']:.2f} / {found['f1']:.2f}"


def _and(names: Sequence[str]) -> str:
    return listed(ROW_TITLES[name] for name in names)
