"""The figures of a finished run: summary.json, under the names that the docs explain, and lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dlh.analysis.measure import Measured
from dlh.runs.trained import Trained
from dlh.training.held_out import level_states
from dlh.training.metrics import best_of

SUMMARY = "summary.json"
REPORT = "report.html"
"""The run's page, in its folder."""


def summarise(trained: Trained, measured: Measured | None) -> dict[str, Any]:
    """The figures as JSON; the names are those of the docs."""
    progress = trained.progress
    seconds = {"train": progress.train_seconds, "validation": progress.validation_seconds}
    summary: dict[str, Any] = {"steps": progress.step, "seconds": seconds}
    taken = {"cpu_seconds": progress.cpu_seconds, "frames": progress.frames}
    summary |= {name: value for name, value in taken.items() if value is not None}
    if trained.starts is not None:
        tried = trained.starts.tried
        summary["starts"] = {
            "chosen": trained.starts.chosen,
            "elbo": {str(start.seed): start.elbo for start in tried},
            "mean_depth": {str(start.seed): start.mean_depth for start in tried},
        }
    if (best := best_of(trained.run.metrics.read())) is not None:
        summary["best"] = best.to_plain()
    if measured is None:
        return summary
    changes = measured.changes
    states = level_states(changes.rates)
    model, floors = measured.futures.model, measured.futures.floors
    summary |= {"split": measured.held_out.split, "clips": changes.clips}
    if changes.rates:
        summary |= {
            "mean_depth": changes.mean_depth,
            "mean_depth_with_first": changes.mean_depth_with_first,
            "change_rates": changes.rates,
            "dead_levels": [level for level, state in states.items() if state == "dead"],
            "restless_levels": [level for level, state in states.items() if state == "restless"],
        }
    if changes.divergences is not None:
        summary |= {
            "state_kl": changes.divergences.state,
            "event_kl": changes.divergences.event,
        }
    summary |= {
        "context_steps": measured.futures.context_steps,
        "samples": model.samples,
        "window": model.window,
        "psnr": {
            "model_best": model.best,
            "model_mean": model.mean,
            **{_key(name): scores.best for name, scores in floors.items()},
        },
        "psnr_curve": {
            "model_best": model.best_curve.tolist(),
            "model_mean": model.mean_curve.tolist(),
            **{_key(name): scores.best_curve.tolist() for name, scores in floors.items()},
        },
    }
    events = changes.events
    summary |= events.to_plain()
    if events.level_2 is not None:
        summary["true_change_rate"] = events.level_2.true_change_rate
    if events.recalls:
        summary["recalls"] = {_key(name): value for name, value in events.recalls.items()}
    if events.missed:
        summary["overlooked"] = events.missed
    if changes.foresight is not None:
        summary["predicted_change"] = {
            f"where_{name}": found and found.mean
            for name in ("inferred_change", "inferred_static", "true_change", "true_static")
            for found in [getattr(changes.foresight, name)]
        }
    return summary


def describe(summary: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """The figures of a summary in lines for a person."""
    if "psnr" not in summary:
        yield "nothing was measured, because there are no held-out clips"
    if "events" in summary:
        events = summary["events"]
        yield (
            f"events:  precision {events['precision']:.3f}, recall {events['recall']:.3f} of level "
            f"2 against the true events, on {summary['clips']} held-out clips"
        )
    for level, scores in summary.get("higher_events", {}).items():
        yield (
            f"         precision {scores['precision']:.3f}, recall {scores['recall']:.3f} of level "
            f"{level[1:]} against true events of its own"
        )
    if "mean_depth" in summary:
        line = f"depth:   {summary['mean_depth']:.3f} levels change at a step"
        if "true_change_rate" in summary:
            line += f"; 1 + the true change rate is {1 + summary['true_change_rate']:.3f}"
        yield line
    for name, what in (("dead", "never"), ("restless", "always")):
        if levels := summary.get(f"{name}_levels"):
            numbers = " and ".join(map(str, levels))
            yield f"levels:  {numbers} {what} changed on held-out clips"
    if "psnr" in summary:
        psnr = summary["psnr"]
        floors = ", ".join(
            f"{name.replace('_', ' ')} {value:.1f}"
            for name, value in psnr.items()
            if not name.startswith("model")
        )
        yield (
            f"future:  PSNR {psnr['model_best']:.1f} dB over {summary['window']} frames, best of "
            f"{summary['samples']} (average {psnr['model_mean']:.1f}); floors: "
            f"{floors}"
        )
    yield f"trained in {summary['seconds']['train']:.0f} s; open {folder / REPORT}"


def _key(name: str) -> str:
    """The floor "mean frame" is ``mean_frame`` in JSON, "black frame" is ``black``."""
    return "black" if name == "black frame" else name.replace(" ", "_")
