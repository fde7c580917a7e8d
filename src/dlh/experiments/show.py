"""A finished run made visible: summary.json, the film, the pictures and the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from dlh import __version__
from dlh.analysis.figures import draw_curves, draw_events, draw_psnr_curves, still_grid, tile_futures
from dlh.data.encode import write_video
from dlh.experiments.measure import SAMPLES, Measured, measure
from dlh.experiments.report import PredictionReport, Report, write_report
from dlh.experiments.run import Outcome
from dlh.settings import to_plain
from dlh.video import to_stored

SUMMARY = "summary.json"
REPORT = "report.html"
FILM = "prediction.mp4"
FRAMES_PER_SECOND = 10.0
SHOWN_FUTURES = 5
SHOWN_CLIP = 0
FUTURES_SEED = 1


def show(outcome: Outcome) -> dict[str, Any]:
    """Measure a finished run and write all that a person looks at into its folder; return the summary.

    Raises:
        MissingExtraError: matplotlib is not installed.
        RunFolderError: a file cannot be written.
    """
    training = outcome.experiment.training
    measured = measure(
        outcome.model.model,
        outcome.source,
        clip_length=training.clip_length,
        batch_size=training.batch_size,
    )
    pictures = {"curves.png": draw_curves(outcome.run.metrics.read())}
    film = None
    if measured is not None:
        pictures |= _pictures(measured)
        film, pictures["prediction.png"] = _futures(outcome, measured)
    for name, png in pictures.items():
        outcome.run.write_bytes(name, png)
    summary = _summary(outcome, measured)
    write_report(outcome.run.path / REPORT, _report(outcome, measured, pictures, film))
    outcome.run.write_json(SUMMARY, summary)  # last: where it is, everything else is
    return summary


def _summary(outcome: Outcome, measured: Measured | None) -> dict[str, Any]:
    """The figures as JSON; the names are those of the docs."""
    progress = outcome.progress
    seconds = {"train": progress.train_seconds, "validation": progress.validation_seconds}
    summary: dict[str, Any] = {"steps": progress.step, "seconds": seconds}
    if measured is None:
        return summary
    model, floors = measured.model, measured.floors
    summary |= {
        "split": measured.split,
        "clips": len(measured.clips.video),
        "mean_depth": measured.mean_depth,
        "mean_depth_with_first": measured.mean_depth_with_first,
        "state_kl": measured.divergences.state,
        "event_kl": measured.divergences.event,
        "context_steps": measured.context_steps,
        "samples": SAMPLES,
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
    if measured.events is not None:
        summary["events"] = {
            "precision": measured.events.precision,
            "recall": measured.events.recall,
            "f1": measured.events.f1,
        }
        summary["true_change_rate"] = measured.events.true_change_rate
    if measured.predicted is not None:
        summary["predicted_change"] = asdict(measured.predicted)
    return summary


def _key(floor: str) -> str:
    """The floor "mean frame" is ``mean_frame`` in JSON, "black frame" is ``black``."""
    return "black" if floor == "black frame" else floor.replace(" ", "_")


def _pictures(measured: Measured) -> dict[str, bytes]:
    steps, clip = measured.traced_steps, SHOWN_CLIP
    truth = measured.clips.events
    model, floors = measured.model, measured.floors
    return {
        "events.png": draw_events(
            measured.clips.video[clip, :steps],
            measured.trace.changed[clip],
            truth=None if truth is None else truth[clip, :steps],
            change_probability=measured.trace.change_logit[clip].sigmoid(),
        ),
        "psnr.png": draw_psnr_curves(
            best=model.best_curve,
            mean=model.mean_curve,
            floors={name: scores.best_curve for name, scores in floors.items()},
            window=model.window,
            samples=SAMPLES,
        ),
    }


def _futures(outcome: Outcome, measured: Measured) -> tuple[bytes, bytes]:
    """The film and the still of several futures of one clip, beside what happened."""
    context_steps, clip = measured.context_steps, measured.clips.video[SHOWN_CLIP]
    observed, followed = clip[:context_steps], clip[context_steps:]
    prediction = outcome.model.predict(
        observed, horizon=len(followed), samples=SHOWN_FUTURES, seed=FUTURES_SEED
    )
    futures = to_stored(prediction.frames[0])
    changed = None
    if prediction.changed is not None and prediction.changed.shape[-1] > 1:
        changed = prediction.changed[0, :, :, 1]
    film = tile_futures(futures, context=observed, truth=followed, changed=changed)
    path = outcome.run.path / FILM
    write_video(path, np.stack(list(film)), FRAMES_PER_SECOND)
    return path.read_bytes(), still_grid(futures, context=observed, truth=followed)


def _report(
    outcome: Outcome,
    measured: Measured | None,
    pictures: Mapping[str, bytes],
    film: bytes | None,
) -> Report:
    experiment, folder = outcome.experiment, outcome.run.path
    generated = experiment.data.generated
    report = Report(
        data="Moving Ball" if generated else outcome.source.name,
        run=str(folder),
        frame_shape=experiment.model.frame_shape,
        levels=experiment.model.num_levels,
        parameters=sum(p.numel() for p in outcome.model.model.parameters()),
        steps=outcome.progress.step,
        seconds=outcome.progress.train_seconds,
        what_changes="the ball changes colour" if generated else "something changes",
        curves_png=pictures["curves.png"],
        commands=(
            (f"dlh predict {folder} clip.mp4", "many futures of a video of yours"),
            (f"dlh events {folder} clip.mp4", "when something changes in it"),
            ("dlh train videos --data my_videos/", "the same on your own videos"),
        ),
        settings=to_plain(experiment),
        versions={"dlh": __version__, "torch": str(torch.__version__)},
    )
    if measured is None:
        return report
    return replace(
        report,
        clips=len(measured.clips.video),
        clip_length=measured.traced_steps,
        change_rates=measured.rates,
        mean_depth=measured.mean_depth,
        events=measured.events,
        predicted_change=measured.predicted,
        divergences=measured.divergences,
        prediction=PredictionReport(
            clips=len(measured.clips.video),
            context_steps=measured.context_steps,
            samples=SAMPLES,
            window=measured.model.window,
            best_curve=measured.model.best_curve.tolist(),
            mean_curve=measured.model.mean_curve.tolist(),
            spread=measured.model.spread,
            floors={name: scores.best_curve.tolist() for name, scores in measured.floors.items()},
        ),
        film=film,
        events_png=pictures["events.png"],
        still_png=pictures["prediction.png"],
        psnr_png=pictures["psnr.png"],
    )
