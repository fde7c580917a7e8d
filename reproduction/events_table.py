"""Which events are found, world by world: a model's levels beside the trivial detectors.

One record for each run, made once; a table of all records. Runs on generated worlds are tested on
their test clips, runs of ``dlh discover`` on films of the arena on new ones.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from dlh.analysis.event_methods import ChangePointDetector, Detector, MotionDetector
from dlh.data.clips import Clips
from dlh.data.store.source import StoreSource
from dlh.data.video.resize import Resizer, Target
from dlh.errors import UsageError
from dlh.evaluation.event_floors import fit_detectors, frame_difference, has_ruptures
from dlh.evaluation.events import event_scores
from dlh.files.writing import Say, make_folder, write_json, write_text
from dlh.runs.build import frames_per_second
from dlh.runs.subject import Subject, open_subject
from dlh.video import from_stored
from reproduction.arena import Arena, draw_clip

RECORDS, TABLE = "events", "events.md"
GENERATED_FPS = 10.0
"""Frames a second at which clips of generated worlds are shown."""
HALF_A_SECOND = 0.5
NEW_FILMS = 1_000
"""Seed of films of the arena that no run has seen."""
CLIPS_AT_ONCE = 8

Claims = dict[str, np.ndarray]
"""By detector, events claimed, bool (batch, time)."""


def tabulate(
    runs: Sequence[Path], *, results: Path, clips: int, clip_length: int, say: Say
) -> None:
    """Measure the runs that have no record, and write the table of all records.

    Args:
        runs: finished ones.
        results: the folder of the records and of the table.
        clips: that are tested, and as many for the thresholds of the trivial detectors.
        clip_length: frames of each.
        say: takes a line for each run.

    Raises:
        UsageError: two runs would have one record, or a run's clips do not know their events.
    """
    make_folder(results / RECORDS)
    names = [f"{run.resolve().parent.name}-{run.resolve().name}" for run in runs]
    if len(set(names)) < len(names):
        raise UsageError(f"each run needs a record of its own, found the names {', '.join(names)}")
    for run, name in zip(runs, names, strict=True):
        path = results / RECORDS / f"{name}.json"
        if path.exists():
            say(f"{name}: has a record")
            continue
        write_json(path, measure(run, clips=clips, clip_length=clip_length))
        say(f"{name}: measured")
    paths = sorted((results / RECORDS).glob("*.json"))
    table = render(json.loads(path.read_text("utf-8")) for path in paths)
    write_text(results / TABLE, [table])
    say(f"written: {results / TABLE}")


def measure(run: Path, *, clips: int, clip_length: int) -> dict[str, Any]:
    """The record of a run: precision, recall and F1 of every detector at both tolerances."""
    subject = open_subject(str(run))
    world, fps, fitted, tested = known_clips(subject, clips=clips, clip_length=clip_length)
    if tested.events is None:
        raise UsageError(
            f"clips of {subject.source.name} do not know their events; name other runs"
        )
    claims = {"dlh": levels(subject, tested)}
    claims |= {name: detect(tested.video) for name, detect in fit_detectors(fitted).items()}
    kinds = {"motion": MotionDetector} | (
        {"changepoint": ChangePointDetector} if has_ruptures() else {}
    )
    for name, kind in kinds.items():
        claims[name] = without_labels(tested.video, kind, fps)
    tolerances = {"none": 0, "half a second": int(HALF_A_SECOND * fps)}
    scores = {
        name: {
            said: event_scores(claimed, tested.events, tolerance=steps).to_plain()
            for said, steps in tolerances.items()
        }
        for name, claimed in claims.items()
    }
    return {
        "world": world,
        "run": subject.name,
        "seed": subject.experiment.training.seed,
        "clips": len(tested.video),
        "clip_length": tested.video.shape[1],
        "fps": fps,
        "scores": scores,
    }


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
        return "arena", fps, fitted, tested
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
    """The changes of level 2, bool (batch, time)."""
    network, device = subject.model.model, subject.model.device
    generator, found = torch.Generator(device).manual_seed(0), []
    for start in range(0, len(clips.video), CLIPS_AT_ONCE):
        video = from_stored(clips.video[start : start + CLIPS_AT_ONCE], device)
        changed = network.figures(video, generator=generator).changed
        if changed is None or changed.shape[-1] < 2:
            raise UsageError(f"{subject.name} decides nothing: it has no events")
        found.append(changed[..., 1].cpu().numpy())
    return np.concatenate(found)


def without_labels(video: np.ndarray, kind: Callable[..., Detector], fps: float) -> np.ndarray:
    """What a method of ``dlh events`` claims at its own threshold, bool (batch, time)."""
    claimed = np.zeros(video.shape[:2], bool)
    for clip, energy in enumerate(frame_difference(video)):
        detector = kind(energy=energy, fps=fps)
        claimed[clip, [found.frame for found in detector.at(detector.threshold)]] = True
    return claimed


def render(records: Iterable[dict[str, Any]]) -> str:
    """The table: F1 of each detector on each world, the mean over runs and its range."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    runs: dict[str, int] = defaultdict(int)
    for record in records:
        runs[record["world"]] += 1
        for name, by_tolerance in record["scores"].items():
            for tolerance, scores in by_tolerance.items():
                found[name, record["world"], tolerance].append(scores["f1"])
    columns = list(dict.fromkeys((world, tolerance) for _, world, tolerance in found))
    head = ["", *(f"{world}, {tolerance}" for world, tolerance in columns)]
    rows = ["# Events found", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name in dict.fromkeys(name for name, _, _ in found):
        cells = [_cell(found.get((name, *column), [])) for column in columns]
        rows.append("| " + " | ".join([name, *cells]) + " |")
    counted = ", ".join(f"{world} {count}" for world, count in runs.items())
    rows += [
        "",
        f"F1, the mean over runs (lowest to highest), at a tolerance of none and of half a second. "
        f"Runs: {counted}. dlh is level 2; motion and changepoint take their own thresholds, the "
        "others those that are best on training clips with labels.",
        "",
    ]
    return "\n".join(rows)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.2f} to {max(values):.2f})"
