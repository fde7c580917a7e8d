"""When something changed in videos: JSON for programs, pictures and lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from dlh.analysis.event_methods import Method, check_change_points
from dlh.analysis.segments import Clusters
from dlh.commands.discovered import read_about
from dlh.commands.event_answers import assessment_document, overview_row, write_answer
from dlh.commands.event_lines import lines_of, overview_lines, summary_of
from dlh.commands.event_outputs import OVERVIEW_CSV, OVERVIEW_JSON, Plan, plan_outputs
from dlh.commands.event_scores import assess
from dlh.commands.live_events import stream_events
from dlh.commands.options import EventsOptions
from dlh.commands.watching import Watched, watch
from dlh.data.clips import DataError
from dlh.data.video.live import is_stream
from dlh.errors import UsageError
from dlh.event_files.labels import Label, read_labels, unlabelled
from dlh.event_files.tables import overview_csv
from dlh.event_files.timecode import FormatError
from dlh.files.writing import Say, write_json, write_text
from dlh.pretrained import TrainedModel
from dlh.runs.trained import open_trained
from dlh.training.run import run_of
from dlh.video import VideoError

MOST_NAMED = 5
"""Videos without labels that are named."""


def find_events(options: EventsOptions, *, say: Say = print) -> None:
    """Find the events of videos or of a stream; the memory it takes is that of a piece of a video,
    and some 60 bytes for each frame and level.

    A model that looks ahead (VTA) holds a whole video in memory. Of several videos one that cannot
    be used is left out, and the error at the end names it. ``say`` takes a line for each thing
    found or done.

    Raises:
        UsageError: the model has no events, or not of that level; an output exists, has an invalid
            name or would lie among the videos; a format cannot hold the events of the only video.
        DataError: a video cannot be read, or has a single frame.
        LabelError: the labels cannot be read, or are of no video.
        PretrainedError: there is no such model.
        OutputError: an output cannot be written.
    """
    options = with_method(options, say=say)
    if any(map(is_stream, options.videos)):
        stream_events(options, say=say)
        return
    plan = plan_outputs(options, say=say)
    dlh = open_trained(options.model)
    check_method(dlh, options)
    if options.method == "level" and not dlh.decides_piecewise:
        say("this kind of model looks ahead: a whole video is held in memory")
    labels = None
    if options.truth is not None:
        names = [request.name for request in plan.requests]
        labels = labels_for(names, options.truth, only=plan.folder is None, say=say)
    if plan.folder is None:
        watched = watch(dlh, plan.requests[0], options, labels, Clusters(), say=say, only=True)
        assessment = assess([watched], options)
        for line in lines_of(watched, assessment, options):
            say(line)
        written = write_answer(watched, assessment, plan.requests[0], options)
        said = ", ".join(map(str, written))
        say(f"written: {said}")
        return
    _several(dlh, plan, options, labels, say)


def with_method(options: EventsOptions, *, say: Say) -> EventsOptions:
    """The options with the method that ``auto`` stands for: what was chosen for this model by
    held-out videos, which is said, otherwise ``level``.

    Change points and cuts need the frames that follow: in a stream, motion stands for them.
    """
    if options.method != "auto":
        return options
    run = run_of(options.model)
    about = None if run is None or options.level is not None else read_about(run.path.parent)
    choice = {} if about is None else about.get("choice", {})
    if choice.get("method") not in get_args(Method):
        return replace(options, method="level")
    method = choice["method"]
    if any(map(is_stream, options.videos)):
        return replace(options, method="level" if method == "level" else "motion")
    say(f"method {method}: {choice.get('why', '')}")
    return replace(options, method=method)


def check_method(dlh: TrainedModel, options: EventsOptions) -> None:
    """Raise UsageError where the model has no such events, or a package is missing."""
    if options.method == "changepoint":
        check_change_points()
    if options.method != "level":
        return
    levels = getattr(dlh.config, "num_levels", 2)
    if levels < 2:
        raise UsageError(
            f"{options.model} has one level, which changes at every frame: it has no events; "
            "--method motion, changepoint or cut asks no level"
        )
    dlh.check_decides()
    if options.level is not None and options.level > levels:
        raise UsageError(f"{options.model} has {levels} levels, found --level {options.level}")


def _several(
    dlh: TrainedModel,
    plan: Plan,
    options: EventsOptions,
    labels: tuple[Label, ...] | None,
    say: Say,
) -> None:
    assert plan.folder is not None
    clusters, done, failed = Clusters(), list[Watched](), list[tuple[str, str]]()
    rows = list[dict[str, Any]]()
    for number, request in enumerate(plan.requests, start=1):
        try:
            watched = watch(
                dlh,
                request,
                options,
                labels,
                clusters,
                say=say,
                about=f"{number} of {len(plan.requests)}",
            )
            assessment = assess([watched], options)
            write_answer(watched, assessment, request, options)
        except (DataError, VideoError, FormatError) as error:
            failed.append((request.name, str(error)))
            say(f"left out: {error}")
            continue
        done.append(watched.without_frames())
        rows.append(overview_row(request, watched, assessment))
        say(summary_of(watched, assessment))
    overview: dict[str, Any] = {
        "model": options.model,
        "seed": options.seed,
        "method": options.method,
    }
    if done:
        assessment = assess(done, options)
        overview |= assessment_document(assessment, options)
        for line in overview_lines(done, rows, assessment, options):
            say(line)
    overview["videos"] = rows
    overview["left_out"] = [{"video": name, "reason": reason} for name, reason in failed]
    write_json(plan.folder / OVERVIEW_JSON, overview)
    write_text(plan.folder / OVERVIEW_CSV, [overview_csv([watched.answer for watched in done])])
    say(f"written: {plan.folder / OVERVIEW_JSON}, {OVERVIEW_CSV}, and files for each video")
    if failed:
        names = ", ".join(name for name, _ in failed[:5])
        raise DataError(
            f"{len(failed)} of {len(plan.requests)} videos could not be used: {names}; the others "
            f"are in {plan.folder}"
        )


def labels_for(videos: Sequence[str], path: Path, *, only: bool, say: Say) -> tuple[Label, ...]:
    """The labels of some videos in a file of a person; those without one are named.

    Raises:
        DataError, LabelError: it cannot be read, or holds none of them.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is no text in UTF-8 ({error.reason} at byte {error.start})"
        ) from None
    labels = read_labels(text, name=str(path))
    if without := unlabelled(labels, videos, only=only):
        more = f" and {len(without) - MOST_NAMED} more" if len(without) > MOST_NAMED else ""
        say(
            f"{path} has labels of {len(videos) - len(without)} of {len(videos)} videos; not "
            f"scored: {', '.join(without[:MOST_NAMED])}{more}"
        )
    return labels
