"""summary.json: the figures of a finished run, under the names that the docs explain."""

from __future__ import annotations

from typing import Any

from dlh.analysis.measure import Measured
from dlh.runs.trained import Trained
from dlh.training.held_out import level_states
from dlh.training.metrics import best_of

SUMMARY = "summary.json"


def summarise(trained: Trained, measured: Measured | None) -> dict[str, Any]:
    """The figures as JSON; the names are those of the docs."""
    progress = trained.progress
    seconds = {"train": progress.train_seconds, "validation": progress.validation_seconds}
    summary: dict[str, Any] = {"steps": progress.step, "seconds": seconds}
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
    if changes.divergences is not None:
        summary |= {
            "mean_depth": changes.mean_depth,
            "mean_depth_with_first": changes.mean_depth_with_first,
            "change_rates": changes.rates,
            "dead_levels": [level for level, state in states.items() if state == "dead"],
            "restless_levels": [level for level, state in states.items() if state == "restless"],
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
    if changes.events is not None:
        summary["events"] = {
            "precision": changes.events.precision,
            "recall": changes.events.recall,
            "f1": changes.events.f1,
        }
        summary["true_change_rate"] = changes.events.true_change_rate
    if changes.higher_events:
        summary["higher_events"] = {
            f"L{level}": {
                "precision": scores.precision,
                "recall": scores.recall,
                "f1": scores.f1,
                "true_change_rate": scores.true_change_rate,
            }
            for level, scores in changes.higher_events.items()
        }
    if changes.other_detectors:
        summary["other_detectors"] = [
            {"name": name, "precision": one.precision, "recall": one.recall, "f1": one.f1}
            for name, one in changes.other_detectors.items()
        ]
    if changes.recalls:
        summary["recalls"] = {_key(name): value for name, value in changes.recalls.items()}
    if changes.missed:
        summary["overlooked"] = changes.missed
    if changes.foresight is not None:
        summary["predicted_change"] = {
            f"where_{name}": found and found.mean
            for name in ("inferred_change", "inferred_static", "true_change", "true_static")
            for found in [getattr(changes.foresight, name)]
        }
    return summary


def _key(name: str) -> str:
    """The floor "mean frame" is ``mean_frame`` in JSON, "black frame" is ``black``."""
    return "black" if name == "black frame" else name.replace(" ", "_")
