"""Scores of a model, or of predictions that lie in a file, with everything that they mean."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from dlh.analysis.event_findings import threshold_clips
from dlh.commands.options import EvaluateOptions
from dlh.data.clips import Clips, DataError
from dlh.data.named.manifest import Manifest
from dlh.data.published import catalogue
from dlh.errors import UsageError
from dlh.evaluation.clips import EvaluatedClips, PredictionsFile, SourceClips
from dlh.evaluation.event_floors import pool_floors
from dlh.evaluation.events import FIRST_LEVEL, pool_events
from dlh.evaluation.protocol import DEMO, Numbers, Protocol, ScoredModel, protocol_numbers
from dlh.evaluation.results import (
    CURVES,
    PER_FUTURE,
    SCORES,
    check_folder,
    claim_folder,
    curves,
    per_future,
    summarise,
)
from dlh.evaluation.rows import MODEL, Row, floor_rows, row_of_file, row_of_model
from dlh.evaluation.scoring import (
    EVENTS,
    TRUTH,
    Evaluation,
    FutureReader,
    Progress,
    WeightsRequest,
    open_scorers,
)
from dlh.evaluation.temperature import AtTemperature
from dlh.evaluation.work import (
    PARTIAL,
    ClipArrays,
    Parts,
    default_processes,
    futures_of_clip,
    save_predictions,
    score_all,
)
from dlh.files.writing import Say, as_utf8, strict_json, write_bytes, write_json
from dlh.interfaces import Temperature, TrainableModel
from dlh.reports import evaluation as report
from dlh.reports.figures.futures import draw_samples
from dlh.runs.subject import Framing, Subject, open_subject
from dlh.runs.temperature import AUTO, Chosen, resolve_temperature
from dlh.settings import to_plain, values_of
from dlh.training.device import choose_device
from dlh.video import to_stored

UNPACKED = "unpacked"
PREDICTIONS = "predictions.npz"
REPORT = "report.html"
TABLE = "scores.md"
SHOWN_BY = "psnr"
FLOOR_FRAMES = 100
"""Of the training clips on which the thresholds of trivial event detectors are fitted; those of the
training where no video is that long."""


CHANGED = ", changed"
"""Behind the name of a protocol of which a number is not its own."""
MAZES = (
    catalogue.GQN_MAZES, catalogue.GQN_MAZES_TFRECORD, catalogue.TECO_DMLAB, catalogue.VIZDOOM_MAZES
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What is evaluated, opened, and what its protocol says of it.

    Attributes:
        evaluation: all that scoring takes.
        name: of the protocol.
        samples: futures of a clip.
        asked: clips that were asked for; there may be fewer.
        model: what is scored.
        file: the predictions, where they are scored.
        train: gives training clips that know their events, for the thresholds of trivial event
            detectors, where there are some.
    """

    evaluation: Evaluation
    name: str
    samples: int
    asked: int
    model: ScoredModel
    file: PredictionsFile | None = None
    train: Callable[[], Clips | None] = lambda: None


def evaluate(
    options: EvaluateOptions, *, reader: FutureReader | None = None, say: Say = print
) -> dict[str, Any]:
    """Score what is asked for, write all about it into the folder of the results, and return what
    scores.json holds.

    An evaluation that was interrupted goes on where it was. The same options give the same files.
    Other scores in the folder are not overwritten. What a ``reader`` finds in the futures is a file
    among the results. ``say`` takes a line for each thing found or done.

    Raises:
        UsageError: something invalid was asked for.
        DataError, PretrainedError, RunFolderError: data, weights or model cannot be used.
        OutputError: a file cannot be written.
    """
    out, processes, save = options.folder, options.num_processes, options.save_predictions
    check_folder(out)
    options, chosen = _at_temperature(options, say)
    try:
        opened = _open(options)
        if opened.file is not None:
            opened.file.check_values(say)
        evaluation = replace(opened.evaluation, reader=reader)
        protocol = evaluation.protocol(
            name=opened.name, samples=opened.samples, seed=options.seed, model=opened.model
        )
        claim_folder(out, protocol)
    except BaseException:
        _remove_unpacked(out)
        raise
    _announce(opened, protocol, say)
    parts = Parts.of(out, protocol, reader)
    processes = default_processes(evaluation.device) if processes is None else processes
    try:
        found, seconds = score_all(
            evaluation,
            protocol,
            parts,
            processes=processes,
            reopen=partial(reopen, options, reader),
        )
    except KeyboardInterrupt:
        say(f"what is scored is kept in {parts.folder}; the same command goes on with it")
        raise
    scores, beside, singly = _results(evaluation, protocol, found)
    if "events" in scores and (train := opened.train()) is not None:
        _add_floors(scores["events"], evaluation, train, protocol.data.clips)
    if chosen.tried:
        scores["temperature"] = chosen.to_plain()
    if save:
        clips = min(save, protocol.data.clips)
        path = out / PREDICTIONS
        save_predictions(evaluation, protocol, path, clips=clips, samples=scores["samples"][MODEL])
        say(f"the futures of {clips} clips: {path}")
    pictures = report.pictures_of(scores, beside)
    strips = list(_strips(evaluation, protocol, beside))
    for name, png in [*pictures.items(), *((f"strip-{n}", png) for n, _, png in strips)]:
        write_bytes(out / f"{name.replace('_', '-')}.png", png)
    page = report.render_page(
        scores, pictures=pictures, strips=[(title, png) for _, title, png in strips]
    )
    write_bytes(out / REPORT, as_utf8(page))
    write_bytes(out / TABLE, as_utf8(report.write_markdown(scores)))
    write_json(out / CURVES, beside)
    write_bytes(out / PER_FUTURE, as_utf8(strict_json(singly) + "\n"))
    if reader is not None:
        digest = {"protocol_sha256": protocol.digest()}
        write_json(out / reader.file, digest | evaluation.what_was_read(found))
    write_json(out / SCORES, scores)  # last: where it is, everything else is
    parts.remove()
    _summarise(scores, seconds, out, say)
    return scores


def _add_floors(events: dict[str, Any], evaluation: Evaluation, train: Clips, count: int) -> None:
    """The trivial event detectors: for level 2, and for each level with a truth of its own."""

    def floors(level: int) -> dict[str, Any]:
        read = (evaluation.clips.read(number).known for number in range(count))
        return pool_floors(train, (clip for clip in read if clip is not None), level)

    events["floors"] = floors(FIRST_LEVEL)
    for level in events["levels"]:
        if level["level"] > FIRST_LEVEL and level.get("true_change_rate"):
            level["floors"] = floors(level["level"])


def _at_temperature(options: EvaluateOptions, say: Say) -> tuple[EvaluateOptions, Chosen]:
    """The options with the temperature that the rule chooses, where it is to choose one."""
    asked = (options.temperature, options.decision_temperature)
    if options.model is None or asked == (1.0, 1.0):
        return options, Chosen()
    subject = _subject(options, options.model, choose_device("auto"))
    _, numbers, _ = _clips(options, subject)
    chosen = resolve_temperature(
        subject,
        *asked,
        context=numbers.context,
        horizon=numbers.horizon,
        samples=numbers.samples,
        seed=options.seed,
        say=say,
    )
    temperature = chosen.temperature
    options = replace(
        options, temperature=temperature.states, decision_temperature=temperature.decisions
    )
    return options, chosen


def _subject(options: EvaluateOptions, model: str, device: torch.device) -> Subject:
    framing = Framing(fps=options.fps, crop=options.crop, fit=options.fit)
    return open_subject(model, options.data, framing, device=device)


def _remove_unpacked(out: Path) -> None:
    """What was unpacked for nothing, and the folders that were made for it alone."""
    unpacked = out / PARTIAL / UNPACKED
    if unpacked.is_dir():
        shutil.rmtree(unpacked, ignore_errors=True)
        with contextlib.suppress(OSError):  # there is something else in it
            unpacked.parent.rmdir()
            out.rmdir()


def _open(options: EvaluateOptions) -> Opened:
    with tqdm(unit="B", unit_scale=True, leave=False, disable=None, delay=0.5) as bar:

        def progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return open_evaluation(options, device=choose_device("auto"), progress=progress)


def open_evaluation(
    options: EvaluateOptions,
    *,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> Opened:
    """Open model, data and metrics.

    Raises:
        UsageError: something was asked for that cannot be.
        DataError, PretrainedError, RunFolderError: data, weights or model cannot be used.
    """
    device = device or choose_device("auto")
    if options.predictions is not None:
        return _open_file(options, options.predictions, device, progress)
    assert options.model is not None
    subject = _subject(options, options.model, device)
    network = subject.model.model
    clips, numbers, name = _clips(options, subject)
    assert options.temperature != AUTO  # it was chosen before
    temperature = Temperature(states=options.temperature, decisions=options.decision_temperature)
    return Opened(
        evaluation=_evaluation(
            options,
            clips,
            row_of_model(AtTemperature(model=network, temperature=temperature), numbers.samples),
            mean=_mean_frame(subject),
            device=device,
            progress=progress,
            decides=network,
        ),
        name=name,
        samples=numbers.samples,
        asked=clips.count if options.manifest is not None else numbers.clips,
        model=ScoredModel(
            name=options.model,
            sha256=subject.digest(),
            to_unit_range=network.to_unit_range,
            temperature=temperature.states,
            decision_temperature=temperature.decisions,
        ),
        train=partial(
            threshold_clips,
            subject.source,
            lengths=(FLOOR_FRAMES, subject.experiment.training.clip_length),
        ),
    )


def reopen(
    options: EvaluateOptions, reader: FutureReader | None, device: torch.device | None
) -> Evaluation:
    """What a process of its own needs to score clips of an evaluation."""
    return replace(open_evaluation(options, device=device).evaluation, reader=reader)


def _open_file(
    options: EvaluateOptions, path: Path, device: torch.device, progress: Progress | None
) -> Opened:
    scratch = options.folder / PARTIAL / UNPACKED
    file = PredictionsFile(path, horizon=options.horizon, scratch=scratch)
    return Opened(
        evaluation=_evaluation(
            options,
            file,
            row_of_file(file),
            mean="a file of predictions has no training clips",
            device=device,
            progress=progress,
        ),
        name="predictions",
        samples=file.samples,
        asked=file.count,
        model=ScoredModel(name=path.name, sha256=file.sha256()),
        file=file,
    )


def _evaluation(
    options: EvaluateOptions,
    clips: EvaluatedClips,
    row: Row,
    *,
    mean: Tensor | str,
    device: torch.device,
    progress: Progress | None,
    decides: TrainableModel | None = None,
) -> Evaluation:
    return Evaluation(
        clips=clips,
        rows={MODEL: row} | floor_rows(clips, samples=row.samples, seed=options.seed, mean=mean),
        scorers=open_scorers(
            WeightsRequest(
                lpips=options.lpips_weights,
                fvd=options.fvd_weights,
                download=options.download_weights,
            ),
            frame_shape=clips.frame_shape,
            horizon=clips.horizon,
            device=device,
            progress=progress,
        ),
        device=device,
        decides=decides,
    )


def _clips(options: EvaluateOptions, subject: Subject) -> tuple[SourceClips, Numbers, str]:
    """The clips, the numbers of the protocol, and its name: its own where no number is changed."""
    source, protocol = subject.source, options.protocol or DEMO
    of_mazes = source.name in MAZES or subject.experiment.data.source in MAZES
    own = protocol_numbers(protocol, of_mazes=of_mazes)
    asked = values_of(options, "context", "horizon", "samples", "clips")
    given = {name: value for name, value in asked.items() if value is not None}
    numbers = replace(own, **given)
    manifest = None if options.manifest is None else Manifest.load(options.manifest)
    if manifest is not None:
        for option, wanted, there in (
            ("context", options.context, manifest.context),
            ("horizon", options.horizon, manifest.horizon),
            ("clips", options.clips, len(manifest.clips)),
        ):
            if wanted not in (None, there):
                raise UsageError(
                    f"{options.manifest} names {len(manifest.clips)} clips of {manifest.context} + "
                    f"{manifest.horizon} frames, --{option} {wanted} does not fit; leave it out"
                )
        numbers = replace(numbers, context=manifest.context, horizon=manifest.horizon)
    clips = SourceClips(
        source,
        context=numbers.context,
        horizon=numbers.horizon,
        count=numbers.clips,
        manifest=manifest,
    )
    return clips, numbers, protocol if numbers == own else protocol + CHANGED


def _mean_frame(subject: Subject) -> Tensor | str:
    try:
        return subject.mean_frame()
    except DataError as error:
        return f"there are no training clips ({error})"


def _announce(opened: Opened, protocol: Protocol, say: Say) -> None:
    data = protocol.data
    if data.clips < opened.asked:
        say(f"{opened.asked} clips were asked for and {data.clips} exist: these are scored")
    context = "" if protocol.context is None else f"{protocol.context} + "
    say(
        f"protocol {protocol.name}: {data.clips} {data.split or ''}".rstrip()
        + f" clip{'s' if data.clips > 1 else ''} of {data.name}, {context}{protocol.horizon} "
        f"frames, {protocol.samples} "
        f"sample{'s' if protocol.samples > 1 else ''} of each, seed {protocol.seed}"
    )
    for name, reason in opened.evaluation.scorers.missing.items():
        say(f"{name} is not computed: {reason}")


def _results(
    evaluation: Evaluation, protocol: Protocol, found: list[ClipArrays]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What scores.json, curves.json and per-future.json hold."""
    rows = evaluation.row_scores(found)
    truth = [clip[TRUTH] for clip in found] if evaluation.scorers.frechet is not None else None
    scores = {"protocol": to_plain(protocol), "protocol_sha256": protocol.digest()}
    scores |= summarise(protocol, rows, missing=evaluation.scorers.missing, truth_features=truth)
    counts = [clip[EVENTS] for clip in found if EVENTS in clip]
    if counts:
        scores["events"] = pool_events(counts)
    digest = {"protocol_sha256": protocol.digest()}
    return scores, digest | curves(protocol, rows), digest | per_future(rows)


def _strips(
    evaluation: Evaluation, protocol: Protocol, beside: Mapping[str, Any]
) -> Iterator[tuple[str, str, bytes]]:
    """Name, title and picture of the best, the median and the worst clip."""
    if protocol.data.frame_shape[0] not in (1, 3):
        return
    clips = beside["per_clip"][MODEL][SHOWN_BY]
    order = np.argsort(clips["best"], kind="stable")
    places = {"best": order[-1], "median": order[len(order) // 2], "worst": order[0]}
    shown: set[int] = set()
    for name, place in places.items():
        clip = int(place)
        if clip in shown:
            continue
        shown.add(clip)
        read, future = evaluation.clips.read(clip), None
        wanted, before = clips["best_sample"][clip], 0
        for frames in futures_of_clip(evaluation, protocol, clip):
            if before <= wanted < before + len(frames):
                future = to_stored(frames[wanted - before])
                break
            before += len(frames)
        assert future is not None
        context = read.truth[:0] if read.context is None else read.context
        title = f"The {name} clip, number {clip}: PSNR {clips['best'][clip]:.2f} dB"
        stored = (to_stored(context)[None], to_stored(read.truth)[None], future[None])
        yield name, title, draw_samples(*stored, title=title)


def _summarise(
    scores: Mapping[str, Any], seconds: Mapping[str, float], out: Path, say: Say
) -> None:
    model = scores["rows"][MODEL]
    said = [
        f"{report.TITLES[name].partition(',')[0]} {report.cell(entry, name)}"
        for name, entry in model.items()
        if entry["best"] is not None
    ]
    say(f"model: {', '.join(said)} (best [95 % interval] (mean))")
    for text in report.verdicts(scores):
        say(text.replace("**", ""))
    if seconds:
        parts = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
        say(f"seconds of the model's row: {parts}")
    place = shlex.quote(str(out))
    say(f"written: {out / SCORES}; open {out / REPORT}; compare with `dlh compare {place} OTHER`")
