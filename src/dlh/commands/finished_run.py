"""A finished run made visible: summary.json, the film, the pictures and the page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from dlh.analysis.level_findings import SHOWN_RESAMPLINGS, find_levels
from dlh.analysis.measure import TRACED_STEPS, Measured, measure
from dlh.analysis.observe import observe_levels
from dlh.data.video.encode import write_video
from dlh.interfaces import LayeredModel
from dlh.reports.analysis_figures import exchanged_figure, rolled_figure
from dlh.reports.figures.canvas import png_bytes
from dlh.reports.figures.curves import draw_curves, psnr_figure
from dlh.reports.figures.events import events_figure
from dlh.reports.figures.futures import still_grid, tile_futures
from dlh.reports.run_page import Report, render_report
from dlh.runs.build import frames_per_second
from dlh.runs.summary import REPORT, SUMMARY, summarise
from dlh.runs.trained import Trained
from dlh.settings import to_plain
from dlh.training.metrics import best_of
from dlh.version import __version__
from dlh.video import to_stored

FILM = "prediction.mp4"
FILM_FRAMES_PER_SECOND = 10.0
"""Of a film of clips that have no rate of their own."""
SHOWN_FUTURES = 5
SHOWN_CLIP = 0
FUTURES_SEED = 1
LOOKED_INTO_CLIPS = 16
LEVELS_SEED = 0


def show(trained: Trained) -> dict[str, Any]:
    """Measure a run and write all that a person looks at into its folder; return the summary.

    Without held-out clips everything but the course of the training is left out.

    Raises:
        RunFolderError: a file cannot be written.
    """
    run, training = trained.run, trained.experiment.training
    measured = measure(
        trained.model.model,
        trained.source,
        clip_length=training.clip_length,
        batch_size=training.batch_size,
    )
    pictures = {"curves.png": draw_curves(run.metrics.read())}
    film = None
    if measured is not None:
        pictures |= _pictures(trained, measured) | _levels(trained, measured)
        film, pictures["prediction.png"] = _futures(trained, measured)
    for name, png in pictures.items():
        run.write_bytes(name, png)
    summary = summarise(trained, measured)
    run.write_text(REPORT, render_report(_report(trained, measured, pictures, film)))
    run.write_json(SUMMARY, summary)  # last: where it is, everything else is
    return summary


def _pictures(trained: Trained, measured: Measured) -> dict[str, bytes]:
    steps, clip = measured.changes.steps, SHOWN_CLIP
    changed, probability = measured.changed, measured.change_probability
    clips, truth = measured.held_out.clips, measured.held_out.clips.events
    model, floors = measured.futures.model, measured.futures.floors
    pictures: dict[str, bytes] = {}
    if changed is not None:
        pictures["events.png"] = png_bytes(
            events_figure(
                clips.video[clip, :steps],
                changed[clip],
                truth=None if truth is None else truth[clip, :steps],
                change_probability=None if probability is None else probability[clip],
                fps=frames_per_second(trained.source),
            )
        )
    pictures["psnr.png"] = png_bytes(
        psnr_figure(
            best=model.best_curve,
            mean=model.mean_curve,
            floors={name: scores.best_curve for name, scores in floors.items()},
            window=model.window,
            samples=model.samples,
        )
    )
    return pictures


def _levels(trained: Trained, measured: Measured) -> dict[str, bytes]:
    """Frames with one level's state exchanged, and with one level rolled forward; none of a model
    without several levels to look into.
    """
    network = trained.model.model
    if not isinstance(network, LayeredModel):
        return {}
    generator = torch.Generator(trained.model.device).manual_seed(LEVELS_SEED)
    clips = measured.held_out.clips.first(clips=LOOKED_INTO_CLIPS)
    observed = observe_levels(network, clips, generator, steps=TRACED_STEPS)
    if observed.state.shape[2] < 2 or observed.state.shape[1] < 2:
        return {}
    levels, everything = find_levels(
        network, observed, None, LEVELS_SEED,
        moments=LOOKED_INTO_CLIPS, resamplings=SHOWN_RESAMPLINGS,
    )  # fmt: skip
    return {
        "exchanged.png": png_bytes(exchanged_figure(levels, everything)),
        "rolled.png": png_bytes(rolled_figure(levels)),
    }


def _futures(trained: Trained, measured: Measured) -> tuple[bytes, bytes]:
    """The film and the still of several futures of one clip, beside what happened."""
    context_steps, clip = (
        measured.futures.context_steps,
        measured.held_out.clips.video[SHOWN_CLIP],
    )
    observed, followed = clip[:context_steps], clip[context_steps:]
    prediction = trained.model.predict(
        observed, horizon=len(followed), samples=SHOWN_FUTURES, seed=FUTURES_SEED
    )
    futures = to_stored(prediction.frames[0])
    changed = None
    if prediction.changed is not None and prediction.changed.shape[-1] > 1:
        changed = prediction.changed[0, :, :, 1]
    film = tile_futures(futures, context=observed, truth=followed, changed=changed)
    path = trained.run.path / FILM
    write_video(path, film, frames_per_second(trained.source) or FILM_FRAMES_PER_SECOND)
    return path.read_bytes(), still_grid(futures, context=observed, truth=followed)


def _report(
    trained: Trained,
    measured: Measured | None,
    pictures: Mapping[str, bytes],
    film: bytes | None,
) -> Report:
    experiment, folder = trained.experiment, trained.run.path
    data, place = experiment.data, shlex.quote(str(folder))
    best = best_of(trained.run.metrics.read())
    commands = [
        (f"dlh predict {place} clip.mp4", "many futures of a video of yours"),
        (f"dlh events {place} clip.mp4", "when something changes in it"),
    ]
    if data.generated:
        commands.append(("dlh train videos --data my_videos/", "the same on your own videos"))
    report = Report(
        data="Moving Ball" if data.is_moving_ball else trained.source.name,
        run=str(folder),
        frame_shape=experiment.model.frame_shape,
        kind=experiment.model.kind,
        levels=getattr(experiment.model, "num_levels", 1),
        parameters=sum(p.numel() for p in trained.model.model.parameters()),
        steps=trained.progress.step,
        seconds=trained.progress.train_seconds,
        best_step=None if best is None else best.step,
        what_changes="the ball changes colour" if data.is_moving_ball else "something changes",
        fps=frames_per_second(trained.source),
        curves_png=pictures.get("curves.png"),
        commands=commands,
        settings=to_plain(experiment),
        versions={"dlh": __version__, "torch": str(torch.__version__)},
    )
    if measured is None:
        return report
    return replace(
        report,
        levels=len(measured.changes.rates) or report.levels,
        changes=measured.changes,
        futures=measured.futures,
        film=film,
        events_png=pictures.get("events.png"),
        exchanged_png=pictures.get("exchanged.png"),
        rolled_png=pictures.get("rolled.png"),
        still_png=pictures.get("prediction.png"),
        psnr_png=pictures.get("psnr.png"),
    )
