"""Which events are found in films with labels, without a training: methods, floors, PySceneDetect.

The films with even numbers fit the thresholds of the trivial detectors, and choose the method that
``auto`` stands for, without their labels; all detectors are scored on the others.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlh.analysis.choice_of_method import choose_method
from dlh.analysis.event_methods import BY_ENERGY, Detector, LevelDetector
from dlh.analysis.surprise import Evidence
from dlh.commands.discover import JUDGED_BY, seen_of
from dlh.commands.events import labels_for
from dlh.data.clips import Clips
from dlh.data.store.discover import find_sources
from dlh.errors import UsageError
from dlh.evaluation.event_floors import fit_detectors, frame_difference
from dlh.evaluation.events import event_scores
from dlh.event_files.labels import labels_of
from dlh.files.writing import Say
from dlh.pretrained import DLH
from dlh.runs.trained import open_trained

HALF_A_SECOND = 0.5
FRAMES_AT_ONCE = 200
SCENES = """
import json, sys, scenedetect
found = {}
for name in ("ContentDetector", "AdaptiveDetector"):
    scenes = scenedetect.detect(sys.argv[1], getattr(scenedetect, name)())
    found[name] = [scene[0].frame_num for scene in scenes[1:]]
print(json.dumps(found))
"""
"""Run by the Python of an environment of its own: the first frames of all shots but the first."""

Claims = dict[str, np.ndarray]
"""By detector, events claimed, bool (batch, time)."""


@dataclass(frozen=True, kw_only=True)
class Films:
    """Some films of one length and rate.

    Attributes:
        paths: of the files.
        clips: their frames in the model's size, with their events.
        fps: frames a second.
    """

    paths: tuple[Path, ...]
    clips: Clips
    fps: float


def read_films(folder: Path, model: DLH, *, say: Say) -> Films:
    """The films of a folder and their labels in FOLDER-labels.csv, cut to the shortest.

    Raises:
        UsageError: they have different rates.
        DataError, LabelError: a film or the labels cannot be read.
    """
    sources = find_sources(folder).sources
    labels_file = folder.with_name(f"{folder.name}-labels.csv")
    labels = labels_for([each.name for each in sources], labels_file, only=False, say=say)
    read = [model.read(each.path) for each in sources]
    rates, length = {round(fps, 3) for _, fps in read}, min(len(frames) for frames, _ in read)
    if len(rates) > 1:
        raise UsageError(f"films of one rate are expected in {folder}, found {sorted(rates)}")
    fps, events = rates.pop(), np.zeros((len(read), length), bool)
    for row, each in zip(events, sources, strict=True):
        steps = np.ceil(np.array(labels_of(labels, each.name, only=False)) * fps - 1e-3).astype(int)
        row[steps[steps < length]] = True
    video = np.stack([frames[:length] for frames, _ in read])
    paths = tuple(each.path for each in sources)
    return Films(paths=paths, clips=Clips(video=video, events=events), fps=fps)


def measure_films(folder: Path, *, name: str, scenes: Path | None, say: Say) -> dict[str, Any]:
    """The record of a folder for everything that is not trained on such films.

    Args:
        folder: of the films.
        name: of the model whose levels are asked: a run, a folder or a shipped one.
        scenes: a Python that has PySceneDetect; None leaves it out.
        say: takes the lines for a person.
    """
    model = open_trained(name)
    if not isinstance(model, DLH):
        raise UsageError(f"a model of the kind dlh is expected, found {name}")
    films = read_films(folder, model, say=say)
    events, fps = films.clips.events, films.fps
    assert events is not None
    fitted = Clips(video=films.clips.video[::2], events=events[::2])
    tested = films.clips.video[1::2]
    choice = choose_method([seen_of(model, video, fps) for video in fitted.video[:JUDGED_BY]])
    say(f"{folder}: auto is {choice.method}: {choice.why}")
    claims: Claims = {f"level of {name}": _levels(model, tested)}
    claims |= {method: without_labels(tested, kind, fps) for method, kind in BY_ENERGY.items()}
    by_method = {**claims, "level": claims[f"level of {name}"]}
    claims["auto"] = by_method[choice.method]
    if scenes is not None:
        claims |= scenes_in(films.paths[1::2], tested.shape[1], scenes)
    claims |= {floor: detect(tested) for floor, detect in fit_detectors(fitted).items()}
    return {
        "world": world_of(folder),
        "run": name,
        "films": folder.name,
        "auto": choice.method,
        "why": choice.why,
        "clips": len(tested),
        "clip_length": tested.shape[1],
        "fps": fps,
        "scores": scores_of(claims, events[1::2], fps),
    }


def measure_trained(folder: Path, *, run: Path, say: Say) -> dict[str, Any]:
    """The record of a folder for the levels of a run that was trained on other such films, scored
    at its own rate.
    """
    model = open_trained(str(run))
    if not isinstance(model, DLH):
        raise UsageError(f"a model of the kind dlh is expected, found {run}")
    films = read_films(folder, model, say=say)
    events = films.clips.events
    assert events is not None
    tested = films.clips.video[1::2]
    claims = {"dlh": _levels(model, tested)}
    return {
        "world": world_of(folder),
        "run": f"{run.resolve().parent.name}-{run.resolve().name}",
        "films": folder.name,
        "clips": len(tested),
        "clip_length": tested.shape[1],
        "fps": films.fps,
        "scores": scores_of(claims, events[1::2], films.fps),
    }


def world_of(folder: Path) -> str:
    """The folder's name without a number at its end."""
    return re.sub(r"-\d+$", "", folder.name)


def _levels(model: DLH, videos: np.ndarray) -> np.ndarray:
    """The changes of all levels from 2 on, bool (batch, time)."""
    claimed = np.zeros(videos.shape[:2], bool)
    for row, video in zip(claimed, videos, strict=True):
        pieces = (video[at : at + FRAMES_AT_ONCE] for at in range(0, len(video), FRAMES_AT_ONCE))
        detector = LevelDetector(evidence=Evidence.concatenate(list(model.evidence(pieces))))
        row[[found.frame for found in detector.at(detector.threshold)]] = True
    return claimed


def scenes_in(paths: Sequence[Path], length: int, python: Path) -> Claims:
    """What PySceneDetect claims with its own settings, at the films' own size."""
    claims: Claims = {}
    for row, path in enumerate(paths):
        command = [str(python), "-c", SCENES, str(path)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for name, frames in json.loads(said.splitlines()[-1]).items():
            claimed = claims.setdefault(
                f"PySceneDetect {name}", np.zeros((len(paths), length), bool)
            )
            claimed[row, [frame for frame in frames if frame < length]] = True
    return claims


def without_labels(video: np.ndarray, kind: Callable[..., Detector], fps: float) -> np.ndarray:
    """What a method of ``dlh events`` claims at its own threshold, bool (batch, time)."""
    claimed = np.zeros(video.shape[:2], bool)
    for clip, energy in enumerate(frame_difference(video)):
        detector = kind(energy=energy, fps=fps)
        claimed[clip, [found.frame for found in detector.at(detector.threshold)]] = True
    return claimed


def scores_of(claims: Claims, truth: np.ndarray, fps: float) -> dict[str, Any]:
    """Precision, recall and F1 of every detector at both tolerances."""
    tolerances = {"none": 0, "half a second": int(HALF_A_SECOND * fps)}
    return {
        name: {
            said: event_scores(claimed, truth, tolerance=steps).to_plain()
            for said, steps in tolerances.items()
        }
        for name, claimed in claims.items()
    }
