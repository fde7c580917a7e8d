"""The options of the commands on models and runs, each checked when it is made.

A docstring is the command's help, a string below a field the option's. Nothing heavy is imported
here, so that ``dlh COMMAND --help`` answers at once.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from dlh.errors import UsageError
from dlh.event_files.formats import FormatName
from dlh.interfaces import Temperature
from dlh.settings import check_at_least

if TYPE_CHECKING:
    from dlh.data.video.arrays import ArrayForm

NONE = tyro.conf.arg(help_behavior_hint="(default: none)")
"""Of an option that takes several words, and by default has none."""

Flag = tyro.conf.FlagCreatePairsOff[bool]
"""``--name`` switches it on; there is no ``--no-name``."""

Model = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
Method = Literal["auto", "level", "motion", "changepoint", "cut"]
Video = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="VIDEO")]


def _files_or_stream(words: list[str]) -> tuple[Path, ...]:
    """Paths. A URL is refused here: as a path it would lose a slash."""
    for word in words:
        if "://" in word:
            reader = f"ffmpeg -i {shlex.quote(word)} -f mpegts -"
            raise UsageError(f"{word} is a URL; pipe it: `{reader} | dlh events RUN -`")
    return tuple(map(Path, words))


FilesOrStream = Annotated[
    tuple[Path, ...],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="VIDEO...", help_behavior_hint="(at least one)"),
    tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar="VIDEO...",
        instance_from_str=_files_or_stream,
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: [str(path) for path in value],
    ),
]

Key = Annotated[
    str | None,
    tyro.conf.arg(
        help="The array of an .npz or HDF5 file that has the frames, or the camera of a recording; "
        "default: recognised by its name, and reported."
    ),
]
Layout = Annotated[
    Literal["thw", "thwc", "tchw", "nthw", "nthwc", "ntchw"] | None,
    tyro.conf.arg(
        help="The axes of arrays in order: n clips, t frames, h height, w width, c channel; "
        "default: recognised by the shape."
    ),
]
Scale = Annotated[
    float | None,
    tyro.conf.arg(
        help="The value of white in arrays, such as 1, 255 or 65535; default: 255 for bytes, 1 for "
        "floats, or 255 where the first frame has floats above 1."
    ),
]
DataFps = Annotated[
    float | None,
    tyro.conf.arg(
        help="Re-time the videos of --data to this many frames a second; default: to the rate at "
        "which the model was trained, where both have one."
    ),
]
DataCrop = Annotated[
    tuple[int, int, int, int] | None,
    tyro.conf.arg(
        help="The part of each of their frames that is used, X Y WIDTH HEIGHT in its pixels; "
        "default: all of it."
    ),
]
DataFit = Annotated[
    Literal["squash", "pad"] | None,
    tyro.conf.arg(
        help="Squash their frames to the model's shape, or pad them with black; default: as it was "
        "trained."
    ),
]


def form_of(options: Any) -> ArrayForm:
    """What ``key``, ``layout`` and ``scale`` say of arrays."""
    from dlh.data.video.arrays import ArrayForm

    return ArrayForm(key=options.key, layout=options.layout, scale=options.scale)


def at_least(least: int, options: Any, *names: str) -> None:
    """Raise UsageError for an option that is a smaller number, named as a person gives it."""
    values = {name.replace("_", "-"): getattr(options, name) for name in names}
    check_at_least(least, error=UsageError, **values)


def check_framing_of(options: Any) -> None:
    """Raise UsageError unless ``fps``, ``crop`` and ``scale`` are what videos can have."""
    fps, crop = options.fps, options.crop
    scale = getattr(options, "scale", None)  # not every command reads arrays by their form
    if scale is not None and not 0 < scale < math.inf:
        raise UsageError(f"scale is the value of white, above 0, found {scale}")
    if fps is not None and not 0 < fps <= 1000:
        raise UsageError(f"fps is above 0 and at most 1000 frames a second, found {fps}")
    if crop is not None and (min(crop[:2]) < 0 or min(crop[2:]) < 1):
        raise UsageError(
            f"crop is X Y WIDTH HEIGHT in pixels, X and Y at least 0, found {list(crop)}"
        )


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Train on a bouncing ball, without labels, until the model knows when its colour changes;
    predict 100 frames.

    A finished demo is shown again. An unfinished one continues where it stopped.

    example:  dlh demo --fresh
    """

    run: Path = Path("runs/demo")
    """The folder of the demo; open report.html in it."""
    fresh: Flag = False
    """Move an existing folder aside and start again."""
    preset: str = "moving-ball"
    """The preset to train, one whose data is Moving Ball."""
    seed: int = 0
    """Decides weights, clips and noise."""

    def __post_init__(self) -> None:
        at_least(0, self, "seed")


@dataclass(frozen=True, kw_only=True)
class RunsOptions:
    """List runs: their status (running, killed, interrupted, failed or finished), step, best
    held-out bound, and the time of their last update.

    example:  dlh runs runs
    """

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")] = Path("runs")
    """The folder of the runs, searched three folders deep; or one run."""
    json: Flag = False
    """Print a JSON list, for programs."""


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """Observe the first frames of a video and draw several futures: a film (mp4) and a picture.

    If the video continues, its frames are shown beside the futures.

    example:  dlh predict runs/demo clip.mp4 --horizon 300 --samples 8 --save futures.npz
    """

    model: Model
    """A run, a folder with a model, a shipped model or a hub name."""
    video: Video
    """A video file; it is resized to the model's frames."""
    context: int = 30
    """Frames to observe."""
    horizon: int = 300
    """Frames to predict."""
    samples: int = 8
    """Futures to draw. Film and picture show at most 15; --save keeps all."""
    seed: int = 0
    """The same seed gives the same futures."""
    temperature: float = 1.0
    """Factor on the noise of the states: below 1 the futures differ less."""
    decision_temperature: float = 1.0
    """Divisor of the logits of the levels' changes: below 1 the likelier decision is drawn more
    often."""
    out: Path = Path("out.mp4")
    """The film; the picture goes beside it as .png."""
    fps: float | None = None
    """Re-time the video to this many frames a second; default: to the rate at which the model was
    trained, where both have one."""
    crop: tuple[int, int, int, int] | None = None
    """The part of each frame that is used, X Y WIDTH HEIGHT in its pixels; default: all of it."""
    fit: Literal["squash", "pad"] | None = None
    """Squash frames to the model's shape, or pad them with black; default: as it was trained."""
    key: Key = None
    layout: Layout = None
    scale: Scale = None
    save: Path | None = None
    """Also write the exact frames (the film is lossy) to this .npz: samples, context, and truth if
    the video continues, float32 in [0, 1], (clip, [sample,] time, height, width, channel)."""

    def __post_init__(self) -> None:
        at_least(1, self, "context", "horizon", "samples")
        at_least(0, self, "seed")
        check_framing_of(self)
        Temperature(states=self.temperature, decisions=self.decision_temperature)


@dataclass(frozen=True, kw_only=True)
class ExploreOptions:
    """Open a page on this machine on which a model and a video are looked into: a timeline of the
    levels, other states of a level at a frame, one level rolled, and futures from any frame.

    It needs the extra app: pip install 'dlh[app]'.

    example:  dlh explore

    example:  dlh explore runs/mine clip.mp4
    """

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="[RUN]")] = "moving-ball"
    """A finished run, a folder with a model, a shipped model or a hub name, of a kind with
    levels."""
    video: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[VIDEO]")] = None
    """A video file, resized to the model's frames; by default a test clip of the model's data."""
    frames: int = 100
    """Frames that are looked into, at most."""
    clip: int = 0
    """Which test clip, from 0, where no video is given."""
    fps: float | None = None
    """Re-time the video to this many frames a second; default: to the rate at which the model was
    trained, where both have one."""
    crop: tuple[int, int, int, int] | None = None
    """The part of each frame that is used, X Y WIDTH HEIGHT in its pixels; default: all of it."""
    fit: Literal["squash", "pad"] | None = None
    """Squash frames to the model's shape, or pad them with black; default: as it was trained."""
    port: int | None = None
    """Port of the page; default: the first free one from 7860 on."""
    open: Flag = False
    """Open the page in the browser."""
    seed: int = 0
    """Of the sampled states."""

    def __post_init__(self) -> None:
        at_least(2, self, "frames")
        at_least(0, self, "clip", "seed")
        check_framing_of(self)
        asked = [name for name in ("fps", "crop", "fit") if getattr(self, name) is not None]
        if asked and self.video is None:
            raise UsageError(f"--{asked[0]} is for a video; name one, or leave it out")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise UsageError(f"port is a number from 1 to 65535, found {self.port}")


@dataclass(frozen=True, kw_only=True)
class EventsOptions:
    """Find when something changed in videos, level by level, and how surprising it was.

    One video gives events.json and a picture. Several, or a folder, give a folder with the same
    for each and an overview. A stream (- for standard input, or a camera) gives its events as JSON
    lines while it runs.

    example:  dlh events runs/demo clip.mp4 --write csv vtt --page

    example:  dlh events runs/demo recordings --out answers --truth labels.csv
    """

    model: Model
    """A run, a folder with a model, a shipped model or a hub name."""
    videos: FilesOrStream
    """Video files of any length and folders of them, resized to the model's frames; or one stream:
    - or a camera such as /dev/video0."""
    out: Path | None = None
    """The events of one video, a .json; other outputs go beside it under the same name. Of several
    videos: a folder. Default: events.json, or the folder events."""
    write: Annotated[tuple[FormatName, ...], NONE] = ()
    """Also write the events as csv, vtt (WebVTT), chapters (FFmpeg metadata), edl (CMX 3600), otio
    (OpenTimelineIO), boris (tabular events) or elan (.eaf)."""
    fps: float | None = None
    """Re-time videos to this many frames a second; default: to the rate at which the model was
    trained, where both have one."""
    crop: tuple[int, int, int, int] | None = None
    """The part of each frame that is used, X Y WIDTH HEIGHT in its pixels; default: all of it."""
    fit: Literal["squash", "pad"] | None = None
    """Squash frames to the model's shape, or pad them with black; default: as it was trained."""
    key: Key = None
    layout: Layout = None
    scale: Scale = None
    page: Flag = False
    """Also write a page: the film above a timeline of its levels, click to jump."""
    images: Flag = False
    """Also write the frames before and after each event as JPEG, at the size of the video or of
    its crop."""
    split: Flag = False
    """Also write the clips between the events as mp4, at that size, without sound."""
    method: Method = "auto"
    """level: the changes that the model decided; motion: where motion energy rises; changepoint:
    where the mean of motion energy changes (needs ruptures); cut: where one frame differs from the
    last far more than its neighbours do. Only level asks the model. auto: what dlh discover chose
    for this model, otherwise level."""
    level: int | None = None
    """Only the events of this level, from 2; by default all."""
    min_surprise: float | None = None
    """Only events of at least this surprise; by default the method's own threshold, which is
    explained."""
    top: int | None = None
    """Only so many events of each video, the most surprising ones."""
    truth: Path | None = None
    """Labels of yours, as CSV, BORIS export or ELAN file: gives precision, recall and F1."""
    tolerance: float = 0.5
    """Seconds that an event may be off its label, or off another pass."""
    passes: int = 1
    """Passes over each video; of several, each event gets the share of the passes that find it, its
    confidence. A level's states are drawn anew; for motion the video begins half a second later."""
    overwrite: Flag = False
    """Replace outputs that exist."""
    seed: int = 0
    """Of the sampled states."""

    def __post_init__(self) -> None:
        at_least(0, self, "seed")
        check_framing_of(self)
        at_least(1, self, "top", "passes")
        at_least(2, self, "level")
        if not self.videos:
            raise UsageError("a VIDEO must be given: a file, a folder, or - for standard input")
        if self.min_surprise is not None and not math.isfinite(self.min_surprise):
            raise UsageError(f"min-surprise is a finite number, found {self.min_surprise}")
        if not 0 <= self.tolerance < math.inf:
            raise UsageError(f"tolerance is a number of seconds from 0, found {self.tolerance}")
        if self.level is not None and self.method not in ("auto", "level"):
            raise UsageError(f"--level is for --method level: {self.method} has no levels")


@dataclass(frozen=True, kw_only=True)
class DiscoverOptions:
    """Learn from videos when something changes in them, and find it: trains a model on them, keeps
    the best one by held-out videos, and writes the events as JSON, CSV and pages.

    Size, rate, model and number of steps follow from the videos and the minutes, and are printed.
    The same command continues an interrupted one.

    example:  dlh discover recordings --out found --minutes 20
    """

    videos: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="VIDEO...")]
    """Video files, and folders of them. A long recording is split by blocks of time."""
    out: Path
    """The folder of the results: events/ (of a single video events.json and others), the model in
    run/, and discover.json."""
    minutes: float = 30.0
    """For training and answers together; training ends after nine tenths of it. On two cores the
    default is enough for twenty short clips."""
    method: Method = "auto"
    """How events are found (see dlh events); auto: what the held-out videos speak for."""
    fps: float | None = None
    """Re-time videos to this many frames a second; default: their own, of which every n-th frame is
    used, so that a clip covers several changes."""
    crop: tuple[int, int, int, int] | None = None
    """The part of each frame that is used, X Y WIDTH HEIGHT in its pixels; default: all of it."""
    fit: Literal["squash", "pad"] = "squash"
    """Squash frames to the model's shape, or pad them with black."""
    truth: Path | None = None
    """Labels of yours, as CSV, BORIS export or ELAN file: gives precision, recall and F1. Training
    does not read them."""
    tolerance: float = 0.5
    """Seconds that an event may be off its label."""
    seed: int = 0
    """Decides weights, clips and noise."""

    def __post_init__(self) -> None:
        at_least(0, self, "seed")
        check_framing_of(self)
        if not self.videos:
            raise UsageError("a VIDEO must be given: a file or a folder")
        if not 0 < self.minutes < math.inf:
            raise UsageError(f"minutes is a number above 0, found {self.minutes}")
        if not 0 <= self.tolerance < math.inf:
            raise UsageError(f"tolerance is a number of seconds from 0, found {self.tolerance}")


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Score futures that a model draws, or those in a file of any other software, with PSNR, two
    SSIMs, LPIPS and FVD, beside trivial baselines ("floors"). Writes a page, a table, and JSON with
    the numbers and everything that decides them.

    The same command continues an interrupted evaluation.

    example:  dlh evaluate runs/demo --protocol paper

    example:  dlh evaluate --predictions futures.npz --out scores
    """

    model: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[RUN]")] = None
    """A run, a folder with a model, a shipped model or a hub name."""
    predictions: Path | None = None
    """Instead of RUN: an .npz with truth (clip, time, height, width, channel), samples (clip,
    sample, time, height, width, channel) and optionally context (as truth), floats in [0, 1] or
    uint8."""
    protocol: str | None = None
    """demo (context 30, horizon 100, 16 samples, 64 clips) or paper (context 30, horizon 300 or for
    mazes 200, 100 samples, 100 clips); default: demo."""
    data: str | None = None
    """Data to predict, in place of the run's own: a folder of videos, a clip store, or the name of
    a data set."""
    fps: DataFps = None
    crop: DataCrop = None
    fit: DataFit = None
    manifest: Path | None = None
    """A file of dlh data manifest that names the clips; it sets context, horizon and clips."""
    context: int | None = None
    """Frames to observe; default: the protocol's."""
    horizon: int | None = None
    """Frames to predict; default: the protocol's. With --predictions, frames to score; default:
    all."""
    samples: int | None = None
    """Futures of each clip; default: the protocol's."""
    clips: int | None = None
    """The most clips to score; default: the protocol's."""
    seed: int = 0
    """Decides the futures, the choice of other clips, and the intervals."""
    temperature: float | Literal["auto"] = 1.0
    """Factor on the noise of the states: below 1 the futures differ less. auto: both temperatures
    that give the best energy score on validation clips."""
    decision_temperature: float = 1.0
    """Divisor of the logits of the levels' changes: below 1 the likelier decision is drawn more
    often."""
    num_processes: int | None = None
    """Processes that score clips; default: one for each core (at most 8), with a GPU one."""
    save_predictions: int = 0
    """Clips whose futures are written to predictions.npz, which --predictions reads."""
    lpips_weights: Annotated[tuple[Path, ...], NONE] = ()
    """Weights of LPIPS: one file with all, or two: AlexNet's and the linear layers'."""
    fvd_weights: Annotated[tuple[Path, ...], NONE] = ()
    """Weights of I3D, for FVD."""
    download_weights: Flag = False
    """Download missing weights and compare their checksums (LPIPS 244 MB, FVD 51 MB)."""
    out: Path | None = None
    """The folder of the results; default: RUN/evaluation, or FILE-scores beside the file."""

    def __post_init__(self) -> None:
        check_framing_of(self)
        if (self.model is None) == (self.predictions is None):
            found = "neither" if self.model is None else "both"
            raise UsageError(f"dlh evaluate takes a RUN or --predictions FILE, found {found}")
        if self.predictions is not None:
            for name in (
                "protocol",
                "data",
                "fps",
                "crop",
                "fit",
                "manifest",
                "context",
                "samples",
                "clips",
                "save_predictions",
                "temperature",
                "decision_temperature",
            ):
                if getattr(self, name) != getattr(EvaluateOptions, name):
                    raise UsageError(
                        f"--{name.replace('_', '-')} is for a RUN: what --predictions FILE holds "
                        "is scored as it is"
                    )
        at_least(1, self, "context", "horizon", "samples", "clips", "num_processes")
        at_least(0, self, "seed", "save_predictions")
        states = 1.0 if self.temperature == "auto" else self.temperature
        Temperature(states=states, decisions=self.decision_temperature)

    @property
    def folder(self) -> Path:
        """Where the results go."""
        if self.out is not None:
            return self.out
        if self.predictions is not None:
            return self.predictions.with_name(f"{self.predictions.stem}-scores")
        assert self.model is not None
        run = Path(self.model)
        return run / "evaluation" if run.is_dir() else Path("evaluation")


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """Show scores side by side, with the floors of their clips. Scores of different protocols are
    refused; the message names the difference.

    example:  dlh compare runs/a/evaluation runs/b/evaluation other-scores
    """

    scores: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SCORES")]
    """scores.json files of dlh evaluate, or folders that hold one."""
    out: Path | None = None
    """A folder for the table, compare.md."""

    def __post_init__(self) -> None:
        if len(self.scores) < 2:
            raise UsageError(f"two scores or more are compared, found {len(self.scores)}")


@dataclass(frozen=True, kw_only=True)
class AnalyseOptions:
    """Analyse what the levels of a model hold, foresee and predict on held-out clips. Writes the
    tables and figures of the paper's analysis as a page, JSON, PNG and PDF.

    example:  dlh analyse runs/demo --samples 20
    """

    model: Model
    """A run, a folder with a model, a shipped model or a hub name."""
    data: str | None = None
    """Data to analyse, in place of the run's own: a folder of videos, a video, a clip store, or the
    name of a data set. The clips of all its splits are used."""
    fps: DataFps = None
    crop: DataCrop = None
    fit: DataFit = None
    clips: int = 64
    """The most clips to analyse."""
    futures_clips: int = 16
    """The most clips of these whose futures are drawn."""
    context: int = 30
    """Frames to observe before a prediction; at most half of a clip."""
    horizon: int = 200
    """Frames to predict; fewer if the clips are shorter."""
    samples: int = 100
    """Futures of a clip."""
    seed: int = 0
    """Decides everything that is drawn."""
    temperature: float | Literal["auto"] = 1.0
    """Factor on the noise of the states: below 1 the futures differ less. auto: both temperatures
    that give the best energy score on validation clips."""
    decision_temperature: float = 1.0
    """Divisor of the logits of the levels' changes: below 1 the likelier decision is drawn more
    often."""
    out: Path | None = None
    """The folder of the results; default: RUN/analysis, with other data RUN/analysis-DATA."""

    def __post_init__(self) -> None:
        check_framing_of(self)
        at_least(1, self, "clips", "futures_clips", "context", "horizon", "samples")
        at_least(0, self, "seed")
        states = 1.0 if self.temperature == "auto" else self.temperature
        Temperature(states=states, decisions=self.decision_temperature)
