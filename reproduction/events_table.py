"""Which events are found, world by world: a model's levels beside the trivial detectors.

One record for each run, made once; a table of all records. Runs on generated worlds are tested on
their test clips, runs of ``dlh discover`` on films of the arena on new ones.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from dlh.analysis.event_methods import BY_ENERGY
from dlh.data.clips import Clips
from dlh.data.store.source import StoreSource
from dlh.data.video.encode import write_video
from dlh.data.video.resize import Resizer, Target
from dlh.errors import UsageError
from dlh.evaluation.event_floors import fit_detectors, has_ruptures
from dlh.evaluation.events import FIRST_LEVEL
from dlh.files.writing import Say, make_folder, write_json, write_text
from dlh.runs.build import frames_per_second
from dlh.runs.subject import Subject, open_subject
from dlh.video import from_stored
from reproduction.arena import Arena, draw_clip
from reproduction.events_in_films import (
    Claims,
    measure_films,
    measure_trained,
    scenes_in,
    scores_of,
    without_labels,
)
from reproduction.results_cells import table

RECORDS, TABLE = "events", "events.md"
GENERATED_FPS = 10.0
"""Frames a second at which clips of generated worlds are shown."""
NEW_FILMS = 1_000
"""Seed of films of the arena that no run has seen."""
CLIPS_AT_ONCE = 8
LEAST_SIZE = 256
"""Pixels of clips that PySceneDetect sees."""
NOTE = """F1, the mean over runs or sets of films (lowest to highest). How many there are of each:
{counted}. Made by `python -m reproduction events-table`; `arena`, `joined` and
`walks` write the films. Records: `events/`.

`dlh` is level 2 of a model that was trained on the world (a column that ends in `L3`: level 3,
against true events of its own; on films: of all levels), `level of` a model all levels of one that
was not. Runs are tested on {tested}; for [single starts][starts] it is 64 clips.

`motion`, `changepoint` and `cut` are methods of `dlh events` with their own thresholds; `auto` is
the method that `dlh discover` would choose without labels, on other films. PySceneDetect has its
own settings, and the size of the film, at least 256 pixels. All others have the thresholds that are
best on other clips with labels.

[starts]: long-horizon.md#in-how-many-single-starts-a-hierarchy-emerges"""


def tabulate(
    runs: Sequence[Path],
    *,
    results: Path,
    clips: int,
    clip_length: int,
    films: Sequence[Path] = (),
    model: str = "moving-ball",
    trained: Path | None = None,
    scenes: Path | None = None,
    say: Say,
) -> None:
    """Measure the runs and films that have no record, and write the table of all records.

    Args:
        runs: finished ones.
        results: the folder of the records and of the table.
        clips: that are tested, and as many for the thresholds of the trivial detectors.
        clip_length: frames of each.
        films: folders with films, each with its labels beside it, as FOLDER-labels.csv.
        model: whose levels are asked about the films.
        trained: a run on other such films, whose levels alone are asked about them.
        scenes: a Python that has PySceneDetect; None leaves it out.
        say: takes a line for each run.

    Raises:
        UsageError: two runs or folders would have one record, or a run's clips do not know their
            events.
    """
    make_folder(results / RECORDS)
    measures: dict[str, Callable[[], dict[str, Any]]] = {
        f"{run.resolve().parent.name}-{run.resolve().name}": partial(
            measure, run, clips=clips, clip_length=clip_length, scenes=scenes, say=say
        )
        for run in runs
    }
    for folder in films:
        if trained is not None:
            name = f"{trained.resolve().parent.name}-{trained.resolve().name}"
            measures[f"films-{folder.name}-by-{name}"] = partial(
                measure_trained, folder, run=trained, say=say
            )
        else:
            measures[f"films-{folder.name}"] = partial(
                measure_films, folder, name=model, scenes=scenes, say=say
            )
    if len(measures) < len(runs) + len(films):
        raise UsageError(f"each needs a record of its own, found the names {', '.join(measures)}")
    for name, measured in measures.items():
        path = results / RECORDS / f"{name}.json"
        if path.exists():
            say(f"{name}: has a record")
            continue
        write_json(path, measured())
        say(f"{name}: measured")
    paths = sorted((results / RECORDS).glob("*.json"))
    page = render(json.loads(path.read_text("utf-8")) for path in paths)
    write_text(results / TABLE, [page])
    say(f"written: {results / TABLE}")


def measure(
    run: Path, *, clips: int, clip_length: int, scenes: Path | None, say: Say
) -> dict[str, Any]:
    """The record of a run: precision, recall and F1 of every detector at both tolerances."""
    subject = open_subject(str(run))
    world, fps, fitted, tested = known_clips(subject, clips=clips, clip_length=clip_length)
    if tested.events is None:
        raise UsageError(
            f"clips of {subject.source.name} do not know their events; name other runs"
        )
    changed = levels(subject, tested)
    untrained = {
        name: without_labels(tested.video, kind, fps)
        for name, kind in BY_ENERGY.items()
        if name != "changepoint" or has_ruptures()
    }
    untrained |= {} if scenes is None else _scenes(tested.video, fps, scenes)

    def scores(level: int) -> dict[str, Any]:
        truth = tested.truth(level)
        assert truth is not None
        floors = fit_detectors(fitted, level).items()
        claims = {"dlh": changed[..., level - 1], **{n: f(tested.video) for n, f in floors}}
        return scores_of(claims | untrained, truth, fps)

    known = 0 if tested.level_events is None else tested.level_events.shape[2]
    return {
        "world": world,
        "run": subject.name,
        "seed": subject.experiment.training.seed,
        "clips": len(tested.video),
        "clip_length": tested.video.shape[1],
        "fps": fps,
        "scores": scores(FIRST_LEVEL),
        "higher": {
            f"L{level}": scores(level)
            for level in range(FIRST_LEVEL + 1, min(FIRST_LEVEL + known, changed.shape[-1] + 1))
        },
    }


def _scenes(videos: np.ndarray, fps: float, python: Path) -> Claims:
    """What PySceneDetect claims in clips that are enlarged to a size that it is made for."""
    larger = -(-LEAST_SIZE // videos.shape[2])
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"clip-{number}.mp4" for number in range(len(videos))]
        for path, video in zip(paths, videos, strict=True):
            write_video(path, video.repeat(larger, 1).repeat(larger, 2), fps=fps)
        return scenes_in(paths, videos.shape[1], python)


def known_clips(
    subject: Subject, *, clips: int, clip_length: int
) -> tuple[str, float, Clips, Clips]:
    """World, frames a second, clips for the trivial detectors' thresholds, and clips to test on.

    Raises:
        UsageError: there are no test clips.
    """
    source = subject.source
    if isinstance(source, StoreSource):
        fps = frames_per_second(source)
        if fps is None:
            raise UsageError(f"the videos of {subject.name} have different rates")
        fitted, tested = (
            arena_clips(subject.model.model.frame_shape, fps, clips, clip_length, seed)
            for seed in (NEW_FILMS, NEW_FILMS + 1)
        )
        return f"arena at {fps:g} a second", fps, fitted, tested
    fitted = source.batch(0, batch_size=clips, clip_length=clip_length, seed=0)
    tested = source.held_out("test", count=clips, clip_length=clip_length)
    if tested is None:
        raise UsageError(f"{subject.name} has no test clips of {clip_length} frames")
    return subject.experiment.preset, GENERATED_FPS, fitted, tested


def arena_clips(
    frame_shape: tuple[int, int, int], fps: float, clips: int, clip_length: int, seed: int
) -> Clips:
    """Films of the arena at a rate and size; an event is at the first frame after its time."""
    arena, (channels, height, width) = Arena(), frame_shape
    resize = Resizer(Target(height=height, width=width, channels=channels))
    times = np.arange(clip_length) / fps
    video = np.empty((clips, clip_length, height, width, channels), np.uint8)
    events = np.zeros((clips, clip_length), bool)
    for clip in range(clips):
        random = np.random.default_rng([seed, clip])
        frames, changes = draw_clip(arena, random, seconds=clip_length / fps + 1)
        for step, index in enumerate((times * arena.fps).round().astype(int)):
            picture = av.VideoFrame.from_ndarray(frames[index], format="rgb24")
            video[clip, step] = resize(picture)
        steps = np.searchsorted(times, changes)
        events[clip, steps[steps < clip_length]] = True
    return Clips(video=video, events=events)


@torch.no_grad()
def levels(subject: Subject, clips: Clips) -> np.ndarray:
    """The changes of all levels, bool (batch, time, levels)."""
    network, device = subject.model.model, subject.model.device
    generator, found = torch.Generator(device).manual_seed(0), []
    for start in range(0, len(clips.video), CLIPS_AT_ONCE):
        video = from_stored(clips.video[start : start + CLIPS_AT_ONCE], device)
        changed = network.figures(video, generator=generator).changed
        if changed is None or changed.shape[-1] < 2:
            raise UsageError(f"{subject.name} decides nothing: it has no events")
        found.append(changed.cpu().numpy())
    return np.concatenate(found)


def render(records: Iterable[dict[str, Any]]) -> str:
    """A table for each tolerance: F1 of each detector on each world, the mean over runs and its
    range.
    """
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    runs: dict[str, set[str | int]] = defaultdict(set)
    tested: dict[str, None] = {}
    for number, record in enumerate(records):
        if "run" in record:
            tested[f"{record['clips']} clips of {record['clip_length']} frames"] = None
        world = record["world"]
        runs[world].add(record.get("films", number))
        higher = {f"{world} {level}": own for level, own in record.get("higher", {}).items()}
        for column, of_column in {world: record["scores"], **higher}.items():
            for name, by_tolerance in of_column.items():
                for tolerance, scores in by_tolerance.items():
                    found[name, column, tolerance].append(scores["f1"])
    columns = list(dict.fromkeys(world for _, world, _ in found))
    parts = ["# Events found"]
    for tolerance in dict.fromkeys(tolerance for _, _, tolerance in found):
        rows = [
            (name, *(_cell(found.get((name, column, tolerance), [])) for column in columns))
            for name in dict.fromkeys(name for name, _, _ in found)
        ]
        parts += [f"## Tolerance: {tolerance}", table(("", *columns), rows)]
    counted = ", ".join(f"{world} {len(each)}" for world, each in runs.items())
    parts.append(NOTE.format(counted=counted, tested=" or ".join(tested) or "no clips"))
    return "\n\n".join(parts) + "\n"


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    low, mean, high = (
        f"{value:.2f}" for value in (min(values), statistics.mean(values), max(values))
    )
    return mean if low == high else f"{mean} ({low} to {high})"
