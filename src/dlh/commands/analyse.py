"""An analysis from a name to a page: what ``dlh analyse`` does."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dlh.analysis.event_findings import threshold_clips
from dlh.analysis.findings import AnalysisConfig, Findings, Shown, analyse_clips
from dlh.analysis.moving_ball.recalls import mostly_missed
from dlh.commands.options import AnalyseOptions
from dlh.data.clips import DataError
from dlh.data.worlds.moving_ball import MovingBallClips
from dlh.errors import OutputError, UsageError
from dlh.files.writing import (
    Say,
    as_utf8,
    check_writable,
    os_errors_as,
    strict_json,
    write_bytes,
)
from dlh.interfaces import DecidingModel, LayeredModel
from dlh.pretrained import UnsupportedError
from dlh.reports.analysis_figures import NAMES, figures
from dlh.reports.analysis_numbers import SETTINGS, as_json
from dlh.reports.analysis_page import render
from dlh.reports.figures import canvas
from dlh.runs.build import frames_per_second
from dlh.runs.subject import AS_TRAINED, Framing, Subject, open_subject
from dlh.runs.temperature import Asked, resolve_temperature
from dlh.training.run import RunFolder

NUMBERS = "analysis.json"
PAGE = "analysis.html"
FIGURES = "figures"
MEAN_FRAME_BATCH = 20
"""Training clips that are in memory at once for the mean frame, at most."""


def analyse(options: AnalyseOptions, *, say: Say = print) -> dict[str, Any]:
    """What ``dlh analyse`` does; see :func:`write_analysis`."""
    config = AnalysisConfig(
        clips=options.clips,
        futures_clips=options.futures_clips,
        context_steps=options.context,
        horizon=options.horizon,
        samples=options.samples,
        seed=options.seed,
    )
    return write_analysis(
        model=options.model,
        data=options.data,
        framing=Framing(fps=options.fps, crop=options.crop, fit=options.fit),
        out=options.out,
        config=config,
        temperatures=(options.temperature, options.decision_temperature),
        say=say,
    )


def write_analysis(
    *,
    model: str,
    data: str | None = None,
    framing: Framing = AS_TRAINED,
    out: Path | None = None,
    config: AnalysisConfig | None = None,
    temperatures: tuple[Asked, float] | None = None,
    say: Say = print,
) -> dict[str, Any]:
    """Analyse a model and write analysis.json, analysis.html and the figures.

    Args:
        model: a finished run, a folder with a model, a shipped model or a hub name.
        data: what to show it; None: held-out clips of what it was trained on.
        framing: of the videos, where these are videos.
        out: the folder; None: ``analysis`` in the run's, or ``analysis-DATA`` for other data.
        config: how much is analysed.
        temperatures: of states and decisions, in place of the configuration's; the rule may choose
            them.
        say: takes the lines for a person.

    Returns:
        What is in analysis.json.

    Raises:
        UnsupportedError: the model has no levels that can be looked into.
        UsageError: the data is not known.
        PretrainedError, RunFolderError, DataError: the model or the data cannot be used, or there
            are no clips that the model was not trained on.
        OutputError: nothing can be written there.
    """
    config = config or AnalysisConfig()
    subject = open_subject(model, data, framing)
    network = subject.model.model
    if not isinstance(network, LayeredModel):
        kind = subject.model.config.kind
        raise UnsupportedError(
            f"{model} is a model of the kind {kind}; an analysis exchanges and rolls the states of "
            f"a model's levels, and this one has none. Of this model, {_known_elsewhere(subject)}",
            kind=kind,
            asked="analysis",
        )
    shown = _shown(subject, config)
    chosen = resolve_temperature(
        subject,
        *(temperatures or (config.temperature, config.decision_temperature)),
        context=config.context_steps,
        horizon=config.horizon,
        samples=config.samples,
        seed=config.seed,
        say=say,
    )
    config = replace(
        config,
        temperature=chosen.temperature.states,
        decision_temperature=chosen.temperature.decisions,
    )
    folder = subject.folder if out is None else out
    with _writable(folder):
        findings = analyse_clips(network, shown, config, say)
        drawn = _draw(findings)
        temperature = chosen.to_plain() if chosen.tried else None
        pictures = {name: png for name, (png, _) in drawn.items()}
        page = as_utf8(render(findings, pictures, temperature))
        numbers = as_json(findings)
        if temperature is not None:
            numbers["temperature"] = temperature
        content = as_utf8(strict_json(numbers, indent=2) + "\n")
        _replace(folder, drawn, page, content)
    for line in describe(numbers):
        say(line)
    say(f"open {folder / PAGE}; figures as PNG and PDF are in {folder / FIGURES}")
    return numbers


def _known_elsewhere(subject: Subject) -> str:
    """What other commands say of a model without levels."""
    said = "`dlh evaluate` scores the futures"
    if isinstance(subject.model.model, DecidingModel):
        said += " and the events, and `dlh events` finds those of a video"
    return said


def _shown(subject: Subject, config: AnalysisConfig) -> Shown:
    """The clips, long enough for the futures where there are enough of these, and their world."""
    held_out = subject.held_out(
        count=config.clips, lengths=config.clip_lengths, enough=config.futures_clips
    )
    clips = held_out.clips
    try:
        mean = subject.mean_frame(clip_length=clips.video.shape[1], batch_size=MEAN_FRAME_BATCH)
    except DataError:  # the training videos are shorter than a clip
        mean = None
    train = None
    if clips.events is not None:
        own = subject.experiment.training.clip_length
        train = threshold_clips(
            subject.source, lengths=(min(config.traced_steps, clips.video.shape[1]), own)
        )
    data = subject.experiment.data
    of_ball = data.is_moving_ball and isinstance(clips, MovingBallClips)
    return Shown(
        model=subject.name,
        data=subject.source.name,
        held_out=held_out,
        ball=data.ball if of_ball else None,
        mean=mean,
        fps=frames_per_second(subject.source),
        train=train,
        kind=subject.model.config.kind,
    )


def describe(numbers: dict[str, Any]) -> Iterator[str]:
    """The main numbers in lines for a person."""
    depth = numbers["depth"]
    line = f"depth:   {depth['mean_depth']['mean']:.3f} levels change at a step"
    if "true_change_rate" in depth:
        line += f"; 1 + the true change rate is {1 + depth['true_change_rate']:.3f}"
    yield line
    levels = [f"L{level['level']} {level['state_kl']['mean']:.1f}" for level in numbers["levels"]]
    yield f"nats:    {', '.join(levels)} per clip of {numbers['steps']} frames"
    if "events" in numbers:
        events = numbers["events"]
        line = f"events:  precision {events['precision']:.3f}, recall {events['recall']:.3f}"
        by_colour = events.get("recalls_by_colour", {})
        missed = [name.replace("_", " ") for name in mostly_missed(by_colour)]
        yield line + (f"; mostly missed: {', '.join(missed)}" if missed else "")
    for level, own in numbers.get("higher_events", {}).items():
        yield (
            f"         precision {own['precision']:.3f}, recall {own['recall']:.3f} of level "
            f"{level[1:]} against true events of its own"
        )
    for name, said in (("model", "p(e2):"), ("knows_past", "at best:")):
        if name in numbers.get("foresight", {}):
            known = numbers["foresight"][name]
            kind = "true" if "true_change" in known else "inferred"
            parts = [
                f"{known[f'{kind}_{outcome}']['mean']:.3f} where {word}"
                for outcome, word in (("change", "something changed"), ("static", "nothing did"))
                if f"{kind}_{outcome}" in known
            ]
            yield f"{said:<8} {', '.join(parts)}"
    futures = numbers["futures"]
    if "world" in futures:
        world, tracking = futures["world"], futures["tracking"]
        rate = world.get("switch_rate")
        yield (
            f"futures: {world['clear']:.1%} of frames have a ball of one colour; it switches at "
            f"{'no step' if rate is None else f'{rate:.3f} of the steps'} (truth "
            f"{world['true_switch_rate']:.3f}); in place for {tracking['median_steps_best']:.0f} "
            f"steps (best of {futures['samples']}; mean {tracking['median_steps_mean']:.0f})"
        )
    for what, why in numbers["left_out"].items():
        yield f"left out: {what}: {why}"


def read_analysis(folder: Path, config: AnalysisConfig) -> dict[str, Any] | None:
    """What is in a folder's analysis.json; None where there is none, or it was made otherwise.

    Raises:
        RunFolderError: it cannot be read.
    """
    if not (folder / NUMBERS).exists():
        return None
    numbers = RunFolder(folder).read_json(NUMBERS)
    if not isinstance(numbers, dict):
        return None
    # What an older version did not record had today's default.
    recorded = asdict(AnalysisConfig()) | numbers.get(SETTINGS, {})
    return numbers if recorded == asdict(config) else None


@contextmanager
def _writable(folder: Path) -> Generator[None]:
    """Refuse now what would fail after the work; a failure leaves no folder that was not there."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    pictures = folder / FIGURES
    if pictures.exists() and not pictures.is_dir():
        raise UsageError(f"{pictures} is a file, and the figures need a folder of that name")
    for place in (folder / NUMBERS, folder / PAGE, *_figure_files(folder)):
        if place.is_dir():
            raise UsageError(f"{place} is a folder, and an analysis has a file of that name")
    try:
        check_writable(folder / NUMBERS, ".json")
        if pictures.exists():
            check_writable(pictures / "levels.png", ".png")
        yield
    except BaseException:
        for place in made:  # the deepest first
            with suppress(OSError):  # it is not empty where writing had begun
                place.rmdir()
        raise


def _figure_files(folder: Path) -> list[Path]:
    """All files that an analysis may have made there, whatever applied to it."""
    return [folder / FIGURES / f"{name}{ending}" for name in NAMES for ending in (".png", ".pdf")]


def _draw(findings: Findings) -> dict[str, tuple[bytes, bytes]]:
    """All figures by name, as PNG and as PDF."""
    drawn: dict[str, tuple[bytes, bytes]] = {}
    for name, draw in figures(findings).items():
        figure = draw()
        drawn[name] = canvas.png_bytes(figure), canvas.pdf_bytes(figure)
    return drawn


def _replace(
    folder: Path, drawn: Mapping[str, tuple[bytes, bytes]], page: bytes, numbers: bytes
) -> None:
    """Write an analysis in the place of an earlier one, of which nothing stays beside it.

    analysis.json goes first and comes last: where it is, everything else belongs to it.
    """
    with os_errors_as(OutputError, f"cannot replace the analysis in {folder}"):
        for place in (folder / NUMBERS, folder / PAGE, *_figure_files(folder)):
            place.unlink(missing_ok=True)
    for name, (png, pdf) in drawn.items():
        place = folder / FIGURES / f"{name}.png"
        check_writable(place, ".png")
        write_bytes(place, png)
        write_bytes(place.with_suffix(".pdf"), pdf)
    write_bytes(folder / PAGE, page)
    write_bytes(folder / NUMBERS, numbers)
