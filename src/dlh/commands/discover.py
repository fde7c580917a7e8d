"""From videos to their events in one command: choose a model for them, train it, ask it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dlh.analysis.choice_of_method import Choice, Seen, choose_method
from dlh.analysis.event_methods import MotionEnergy
from dlh.analysis.footage import SIZE, Footage, Look, footage, look_at
from dlh.analysis.surprise import Evidence
from dlh.commands.discovered import ABOUT, read_about
from dlh.commands.events import find_events, labels_for
from dlh.commands.options import DiscoverOptions, EventsOptions
from dlh.commands.train import resume, start
from dlh.data.clips import DataError
from dlh.data.store.discover import SourceFile, find_sources
from dlh.data.store.source import StoreSource
from dlh.data.video.decode import open_video
from dlh.errors import OutputError, UsageError
from dlh.evaluation.floors import mean_training_frame
from dlh.files.writing import Say, check_not_among, make_folder, os_errors_as, write_json
from dlh.models.dlh import DLHConfig
from dlh.pretrained import DLH, open_model
from dlh.pretrained.files import holds_model
from dlh.runs.build import frames_per_second, open_source
from dlh.runs.experiment import Experiment, read_snapshot
from dlh.runs.small_sets import LEAST_FRAMES, SLOWEST, experiment_for, from_weights, with_steps
from dlh.runs.trained import BEST_MODEL
from dlh.training.device import choose_device
from dlh.training.errors import Interrupted
from dlh.training.held_out import BOUND
from dlh.training.metrics import best_of
from dlh.training.run import EXPERIMENT, OUT_OF_TIME, RunFolder
from dlh.video import from_stored

KNOWN = "moving-ball"
"""The shipped model from whose weights training may begin."""
RUN, VIDEOS, ANSWERS = "run", "videos", "events"
LOOKED_AT = 8
"""Videos that are looked at before a model is chosen, at most."""
FRAMES_LOOKED_AT = 1_000
JUDGED_BY = 6
"""Held-out videos that choose the method, at most."""
FRAMES_JUDGED_BY = 3_000
LEAST_LEFT = 0.25
"""Of the minutes, what training gets at least, however long the videos took to decode."""
DIFFERS = 0.1
"""Of a pixel that shows something else than the mean frame, from black to white."""
COLLAPSED = 0.2
"""Share of what differs from the mean frame that is drawn, below which nothing is learnt."""


def discover(options: DiscoverOptions, *, say: Say = print) -> None:
    """Find the events of videos with a model that is trained on them.

    An interrupted call goes on when it is repeated. ``say`` takes the lines for a person.

    Raises:
        UsageError: the folder holds something else, or is among the videos.
        DataError: there is no video, or too little; or one could not be used, which is said when
            the others are done.
        TrainingError: the training cannot go on or was stopped.
        OutputError: the folder cannot be written.
    """
    began = time.monotonic()
    folder, run = options.out, options.out / RUN
    sources, skipped = _sources(options)
    _check_folder(options)
    single = len(options.videos) == 1 and not options.videos[0].is_dir()
    if options.truth is not None:  # what is wrong with the labels is found before the training
        labels_for(
            [source.name for source in sources], options.truth, only=single, say=lambda line: None
        )
    if not (run / EXPERIMENT).exists():
        seen = _look(sources, skipped, options, say)
        for line in skipped:
            say(f"left out: {line}")
        experiment = experiment_for(
            seen,
            str(_where(options)),
            minutes=options.minutes,
            seed=options.seed,
            crop=options.crop,
            fit=options.fit,
            fps=options.fps,
        )
        make_folder(folder)
        _link(sources, options)
        write_json(folder / ABOUT, {"asked": _asked(options), "footage": asdict(seen)})
        experiment = _with_known_weights(experiment, sources)
        open_source(experiment)  # the videos are decoded now, and once
        left = options.minutes - (time.monotonic() - began) / 60
        experiment = with_steps(experiment, minutes=max(left, LEAST_LEFT * options.minutes))
        for line in _described(seen, experiment, options):
            say(line)
        _train(lambda **more: start(experiment, run, **more), experiment, say)
    else:
        experiment = read_snapshot(RunFolder(run))
        say(f"goes on with {folder}")
        _train(lambda **more: resume(run, **more), experiment, say)
    source = open_source(experiment)
    best = run / BEST_MODEL if holds_model(run / BEST_MODEL) else run
    model = open_model(best, choose_device("auto"))
    assert isinstance(source, StoreSource) and isinstance(model, DLH)
    choice = _choose(model, source)
    for line in _judged(model, source, experiment, RunFolder(run), choice):
        say(line)
    asked = options.method != "auto"
    method = options.method if asked else choice.method
    say(f"method {method}: {'as asked for' if asked else choice.why}")
    about = read_about(folder) or {"asked": _asked(options)}
    about |= {"model": str(best), "method": method, "choice": asdict(choice)}
    write_json(folder / ABOUT, about)
    find_events(
        EventsOptions(
            model=str(best),
            videos=options.videos,
            out=folder / (f"{ANSWERS}.json" if single else ANSWERS),
            write=("csv",),
            page=True,
            method=method,
            fps=options.fps,
            crop=options.crop,
            fit=options.fit,
            truth=options.truth,
            tolerance=options.tolerance,
            overwrite=True,
            seed=options.seed,
        ),
        say=say,
    )


def _sources(options: DiscoverOptions) -> tuple[list[SourceFile], list[str]]:
    found = [find_sources(path) for path in options.videos]
    skipped = [f"{each.source} {each.reason}" for one in found for each in one.skipped]
    return [source for one in found for source in one.sources], skipped


def _check_folder(options: DiscoverOptions) -> None:
    """Refuse a folder that holds something else, or lies among the videos."""
    folder = options.out
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder with --out", code="output-exists")
    check_not_among(options.videos, folder)
    if not folder.exists() or not any(folder.iterdir()):
        return
    about = read_about(folder)
    if about is None:
        raise UsageError(
            f"{folder} is not empty and holds no {ABOUT}; name another folder with --out",
            code="output-exists",
        )
    asked = about["asked"]
    other = [name for name, value in _asked(options).items() if asked.get(name) != value]
    if other:
        names = ", ".join(
            f"{name} was {asked.get(name)} and is {_asked(options)[name]}" for name in other
        )
        raise UsageError(
            f"{folder} holds the answer to another question ({names}); ask as before to go on, or "
            "name another folder with --out",
            code="output-exists",
        )


def _asked(options: DiscoverOptions) -> dict[str, Any]:
    """What decides the training."""
    return {
        "videos": [os.path.abspath(path) for path in options.videos],
        "minutes": options.minutes,
        "fps": options.fps,
        "crop": None if options.crop is None else list(options.crop),
        "fit": options.fit,
        "seed": options.seed,
    }


def _where(options: DiscoverOptions) -> Path:
    """What training reads: what was given, or links to all of it in one folder."""
    if len(options.videos) == 1:
        return Path(os.path.abspath(options.videos[0]))
    return Path(os.path.abspath(options.out / VIDEOS))


def _link(sources: list[SourceFile], options: DiscoverOptions) -> None:
    if len(options.videos) == 1:
        return
    folder = options.out / VIDEOS
    make_folder(folder)
    with os_errors_as(OutputError, f"cannot write {folder}"):
        for number, source in enumerate(sources):
            link = folder / f"{number:04d}-{source.path.name}"
            if not os.path.lexists(link):
                link.symlink_to(source.path.resolve())


def _look(
    sources: list[SourceFile], skipped: list[str], options: DiscoverOptions, say: Say
) -> Footage:
    """Look at some of the videos; those that cannot be read are added to ``skipped``, and those
    that are too short for a clip count for nothing.
    """
    looks: list[Look] = []
    names: list[str] = []
    lengths: list[int] = []
    rates: list[float] = []
    every = -(-len(sources) // LOOKED_AT)
    for source in sources:
        try:
            video = open_video(
                source.path,
                height=SIZE,
                width=SIZE,
                channels=3,
                crop=options.crop,
                fit=options.fit,
            )
            length = video.expected_frames
            if length is None or len(lengths) % every == 0:
                frames = video.read(FRAMES_LOOKED_AT)
                if length is None or len(frames) < FRAMES_LOOKED_AT:
                    length = len(frames)
                if length > 1 and len(lengths) % every == 0:
                    looks.append(look_at(frames, video.fps))
            if length < 2:
                raise DataError(f"{source.path} holds one frame; a video has at least two")
        except DataError as error:
            skipped.append(str(error))
            continue
        lengths.append(length)
        rates.append(video.fps)
        names.append(str(source.path))
    if not lengths:
        reasons = "; ".join(skipped[:5])
        raise DataError(f"none of the {len(sources)} videos can be used: {reasons}")
    taken = np.array(lengths) * np.array([(options.fps or rate) / rate for rate in rates])
    enough = taken >= LEAST_FRAMES
    if enough.any():
        for name, frames in compress(zip(names, taken, strict=True), ~enough):
            say(f"not learnt from: {name} has {frames:.0f} frames, expected {LEAST_FRAMES}")
        lengths, rates = list(compress(lengths, enough)), list(compress(rates, enough))
    return footage(looks, lengths, rates)


def _with_known_weights(experiment: Experiment, sources: list[SourceFile]) -> Experiment:
    """The experiment from the shipped weights, if by them a level already finds what changes in
    some of the videos; otherwise from scratch.
    """
    known, seen, data = open_model(KNOWN, choose_device("auto")), list[Seen](), experiment.data
    assert isinstance(known, DLH)
    for source in sources[:: -(-len(sources) // JUDGED_BY)]:
        with contextlib.suppress(DataError):
            video = known.open(source.path, fps=data.fps, crop=data.crop, fit=data.fit)
            frames = video.read(FRAMES_LOOKED_AT)
            if len(frames) > 1:
                seen.append(seen_of(known, frames, video.fps))
    found = bool(seen) and choose_method(seen).method == "level"
    return from_weights(experiment, KNOWN, known.config) if found else experiment


def _described(seen: Footage, experiment: Experiment, options: DiscoverOptions) -> Iterator[str]:
    """What there is, what of it is used, and which model is trained: three lines."""
    model, data, training = experiment.model, experiment.data, experiment.training
    augment = data.augment
    moves = f"what moves is about {seen.mover:.0f} of {SIZE} pixels wide"
    camera = "a still camera" if seen.still else "a moving camera"
    small = (
        "; if it stays in a part of the frame, --crop shows it larger"
        if seen.still and seen.mover < 5
        else ""
    )
    yield (
        f"videos: {seen.files}, {seen.frames / seen.fps / 60:.1f} minutes at {seen.fps:.4g} frames "
        f"a second; {camera}, {moves}{small}; motion changes every {seen.spacing:.1f} s"
    )
    rate = (data.fps or seen.fps) / augment.stride
    seconds = training.clip_length / rate
    changed = [f"{augment.stride} phases"] if augment.stride > 1 else []
    changed += [name for name in ("flip", "shift", "colour") if getattr(augment, name)]
    split = ", split by blocks of time" if data.split_by == "time" else ""
    yield (
        f"clips: {training.clip_length} frames at {rate:.3g} a second, {seconds:.0f} s or about "
        f"{seconds / seen.spacing:.0f} changes{split}; varied by {', '.join(changed)}"
    )
    assert isinstance(model, DLHConfig)
    begins = (
        "" if experiment.init is None else f"; from {experiment.init}, which sees these changes"
    )
    colours = "grey" if model.channels == 1 else "colour"
    yield (
        f"model: {model.num_levels} levels, frames of {model.height} x {model.width} {colours}, "
        f"likelihood std {model.likelihood_std:g}{begins}; at most {training.steps} steps in about "
        f"{options.minutes:g} minutes (--minutes)"
    )


def _train(begin: Any, experiment: Experiment, say: Say) -> None:
    steps, minutes, told = experiment.training.steps, experiment.training.minutes, False

    def on_log(entry: dict[str, Any]) -> None:
        nonlocal told
        if not told and "steps_per_second" in entry and entry["step"] < steps:
            told = True
            left = (steps - entry["step"]) / entry["steps_per_second"] / 60
            if minutes:
                left = min(left, max(0.0, minutes - entry["seconds"] / 60))
            say(
                f"step {entry['step']} of {steps}: about {left:.0f} minutes of training left; "
                "Ctrl-C stops, the same command goes on"
            )

    try:
        begin(say=say, on_log=on_log, present=False)
    except Interrupted as stopped:
        stopped.add_note("the same `dlh discover` goes on too, as far as the events")
        raise


def _choose(model: DLH, source: StoreSource) -> Choice:
    """Ask held-out videos for the method; training videos where none is held out."""
    held = [*source.videos("validation"), *source.videos("test")] or source.videos("train")
    stride = source.augmentation.stride
    return choose_method(
        [
            seen_of(
                model,
                source.store.frames(video, 0, min(video.length, FRAMES_JUDGED_BY)),
                video.fps,
                stride=stride,
            )
            for video in held[:JUDGED_BY]
        ]
    )


def seen_of(model: DLH, frames: np.ndarray, fps: float, *, stride: int = 1) -> Seen:
    """What a choice of the method needs to know of one video.

    Args:
        model: passes twice over every ``stride``-th frame.
        frames: of the model's size, uint8 (time, height, width, channel).
        fps: frames a second.
        stride: of which the model sees one.
    """
    energy = MotionEnergy()
    energy.add(frames)
    taken = frames[::stride].copy()  # a stored video cannot be written to
    one, other = (Evidence.concatenate(list(model.evidence([taken], seed=seed))) for seed in (0, 1))
    return Seen(passes=(one, other), fps=fps / stride, energy=energy.whole(), energy_fps=fps)


def _judged(
    model: DLH, source: StoreSource, experiment: Experiment, run: RunFolder, choice: Choice
) -> Iterator[str]:
    """What became of the training, with the advice that fits."""
    status, best = run.status(), best_of(run.metrics.read())
    if best is None:
        yield "nothing was held out, so nothing says whether the model is good: give more videos"
        return
    by = "bound" if best.by == BOUND else best.by
    too_short, training = best.step == status.step, experiment.training
    out_of_time = OUT_OF_TIME in status.message
    done = f" of {training.steps} steps, as the minutes are over" if out_of_time else " steps"
    line = f"trained: {status.step}{done}; the held-out {by} was best at step {best.step}"
    if status.step < training.steps and not out_of_time:
        line += (
            ", and not since: the model began to know its clips by heart, so training ended. More "
            "video helps, more minutes do not"
        )
    elif too_short:
        line += ", the last one: more --minutes help"
    yield line
    drawn, rate = _drawn(model, source, experiment), frames_per_second(source)
    little = drawn is not None and drawn < COLLAPSED
    if little and not too_short:
        yield (
            f"the model draws little but the mean frame ({drawn:.0%} of what differs from it): "
            "more minutes do not help; if what moves stays in a part of the frame, --crop does"
        )
    elif little:
        yield f"it still draws little but the mean frame ({drawn:.0%} of what differs from it)"
    elif not choice.change_rate and rate is not None and rate > 2 * SLOWEST:
        yield (
            "level 2 never changes on held-out videos: at a lower rate a clip covers more changes "
            f"(--fps, below {rate:.3g})"
        )


@torch.no_grad()
def _drawn(model: DLH, source: StoreSource, experiment: Experiment) -> float | None:
    """Of what differs from the mean training frame in held-out clips, the share of its square that
    the model draws; None where nothing differs.
    """
    training = experiment.training
    clips = source.held_out("validation", count=4, clip_length=training.clip_length)
    if clips is None:
        return None
    mean = mean_training_frame(
        source, clip_length=training.clip_length, batch_size=training.batch_size
    )
    video = from_stored(clips.video, model.device)
    trace, _ = model.observe(video)
    drawn = model.model.decode(trace.frame_context)
    difference = video - mean.to(video)
    differs = difference.abs() > DIFFERS
    if not differs.any():
        return None
    left = ((drawn - video)[differs] ** 2).sum()
    return max(0.0, 1 - float(left / (difference[differs] ** 2).sum()))
