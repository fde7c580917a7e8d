"""``python -m reproduction``: the trainings behind docs/results, each run once; and their page.

Run it in the root of a clone: the package that is installed does not contain it.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dlh.cli.parse import parse
from dlh.cli.running import Command, guarded, run_one_of, say
from dlh.errors import UsageError
from reproduction.sweep_command import sweep as sweep_command
from reproduction.table1.command import table1 as table1_command


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """All experiments: what each is for, what it should cost, and how it stands.

    example:  python -m reproduction list
    """

    only: str | None = None
    """Those whose names match, such as "ablation-*"."""
    root: Path = Path("runs/findings")
    """The folder of their runs."""
    results: Path = Path("docs/results")
    """The folder of their records."""


@dataclass(frozen=True, kw_only=True)
class RunOptions(ListOptions):
    """Train and analyse the experiments that have no record yet; an unfinished one goes on. Each
    finished one writes a small record, and is never run again. Several of these commands at a time
    share the work.

    example:  python -m reproduction run --only "full-lambda0-*"
    """

    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Only say what would be run, and what it should cost."""


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """Make the results page, its numbers and its curves anew from the records.

    example:  python -m reproduction page
    """

    results: Path = Path("docs/results")
    """The folder of the records and the page."""


@dataclass(frozen=True, kw_only=True)
class PublishOptions:
    """Make a shipped model of a finished run: its weights in half the size, and what that cost.

    example:  python -m reproduction publish runs/findings/full-lambda0-seed0 moving-ball
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A finished run."""
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """What the model will be called."""
    dtype: Literal["bfloat16", "float16", "float32"] = "float16"
    """How a weight is stored."""
    out: Path = Path("src/dlh/pretrained/weights")
    """The folder of models in which a folder NAME is written."""


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """Compare trained models of any kind on one world: what they cost, the events that they find,
    their futures beside the floors, how far they stay ahead of these, and on Moving Ball and Moving
    MNIST what the ball or the digits do. All are scored on the same frames of test clips. Writes a
    page, its numbers and pictures; what is in the folder already is not computed again.

    example:  python -m reproduction compare runs/moving-ball runs/cwvae-moving-ball --out compared
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Finished runs on one world, named by their folders."""
    out: Path = Path("runs/comparison")
    """The folder of the comparison."""
    context: int | None = None
    """Frames to watch; default: 30."""
    horizon: int | None = None
    """Frames to predict; default: 100."""
    samples: int | None = None
    """Futures of each clip; default: 16."""
    clips: int | None = None
    """Test clips; default: 64."""
    seed: int = 0
    """Of everything that is drawn."""
    only_as_learnt: tyro.conf.FlagCreatePairsOff[bool] = False
    """Leave out the temperature that validation clips choose for each model."""
    num_processes: int | None = None
    """Processes that score clips; default: as many as there are cores."""


@dataclass(frozen=True, kw_only=True)
class HorizonOptions:
    """How far the futures of runs on Moving Ball go, at temperature 1 and at the one that
    validation clips choose, beside the marks. Each run is analysed once; its record and the page
    stay in the folder of the results. Without a run only the page is made.

    example:  python -m reproduction horizon runs/long-4005 runs/long-4006
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[RUN ...]")] = ()
    """Finished runs on Moving Ball, named by their folders."""
    results: Path = Path("docs/results")
    """The folder of the page and of the records."""
    work: Path = Path("runs/horizon")
    """The folder of the analyses."""
    clips: int = 64
    """Test clips whose events are scored."""
    futures_clips: int = 16
    """Of these, clips whose futures are drawn."""
    samples: int = 100
    """Futures of each clip."""
    horizon: int = 200
    """Frames to predict."""


@dataclass(frozen=True, kw_only=True)
class EventsTableOptions:
    """Which events the runs find, world by world, beside the trivial detectors, at a tolerance of
    none and of half a second. Each run is measured once; its record and the table stay in the
    folder of the results. A run of dlh discover on films of the arena is tested on new ones.

    example:  python -m reproduction events-table runs/moving-ball runs/textured-room found/run

    example:  python -m reproduction events-table --films arena-2000 arena-2001 cuts-0
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")] = ()
    """Finished runs, named by their folders."""
    films: tuple[Path, ...] = ()
    """Folders with films of one length, each with its labels beside it, as FOLDER-labels.csv. A
    number at the end of a name tells folders of one world apart. Every second film is scored."""
    model: str = "moving-ball"
    """Whose levels are asked about the films, by method level and auto; nothing is trained."""
    trained: Path | None = None
    """A run on other such films, whose levels alone are asked about the films, at its own rate: the
    row dlh."""
    scenedetect: Path | None = None
    """A Python with PySceneDetect, which then is scored too."""
    results: Path = Path("docs/results")
    """The folder of the table and of the records."""
    clips: int = 32
    """Test clips, and as many to fit the thresholds of the trivial detectors."""
    clip_length: int = 100
    """Frames of each."""


@dataclass(frozen=True, kw_only=True)
class ArenaOptions:
    """Write films of the arena, an animal that rests, explores and grooms, and their labels.

    example:  python -m reproduction arena films --clips 20 --seconds 15
    """

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")]
    """The folder of the films; the labels go beside it, as FOLDER-labels.csv."""
    clips: int = 20
    """Films."""
    seconds: float = 15.0
    """Of each."""
    seed: int = 0
    """Decides what the animal does."""


@dataclass(frozen=True, kw_only=True)
class JoinedOptions:
    """Write films joined from stretches of videos, and when they are cut, as labels.

    example:  python -m reproduction joined cuts-0 --videos tree.avi box.mp4 cup.mp4
    """

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")]
    """The folder of the films; the labels go beside it, as FOLDER-labels.csv."""
    videos: tuple[Path, ...]
    """Two or more, without cuts of their own."""
    films: int = 12
    """Films."""
    seconds: float = 20.0
    """Of each."""
    seed: int = 0
    """Decides the stretches."""


@dataclass(frozen=True, kw_only=True)
class WalksOptions:
    """Write films of walks through ViZDoom mazes, and when another room is entered, as labels.

    example:  python -m reproduction walks walks-0 --films 12 --seconds 60
    """

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")]
    """The folder of the films; the labels go beside it, as FOLDER-labels.csv."""
    films: int = 12
    """Films, each of a maze of its own."""
    seconds: float = 60.0
    """Of each."""
    seed: int = 0
    """Decides mazes and walks."""


@dataclass(frozen=True, kw_only=True)
class GpuOptions:
    """Use some minutes of a GPU by priority: train DLH at the paper's size on Moving MNIST and on
    Moving Ball, later stages included, score it, and time a step of every model. A training is
    measured and made to fit; it is packed in parts of at most 15 MB that go on elsewhere.

    example:  python -m reproduction gpu --minutes 15 --out runs/gpu
    """

    minutes: float = 15.0
    """For everything."""
    out: Path = Path("runs/gpu")
    """A new folder."""
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Rehearse all of it on a CPU with tiny models; their figures mean nothing."""


@dataclass(frozen=True, kw_only=True)
class JoinOptions:
    """Make a run again of the parts that gpu wrote; dlh train --resume goes on with it.

    example:  python -m reproduction join runs/gpu/parts/moving-mnist-dlh3 runs/mnist
    """

    parts: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PARTS")]
    """The folder of the parts."""
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """The folder of the run, new."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of the reproduction and return the exit status, as ``dlh.cli.main`` does."""
    return guarded(
        lambda words: run_one_of(COMMANDS, words, prog=PROGRAM, usage=USAGE),
        sys.argv[1:] if arguments is None else arguments,
    )


def _list(words: list[str], prog: str) -> None:
    options = parse(ListOptions, words, prog=prog)
    from reproduction.catalogue import chosen
    from reproduction.driver import plan

    for line in plan(chosen(options.only), root=options.root, results=options.results):
        say(line)


def _run(words: list[str], prog: str) -> None:
    options = parse(RunOptions, words, prog=prog)
    from reproduction.catalogue import chosen
    from reproduction.driver import plan, run_all
    from reproduction.stopping import goes_on_when_repeated

    experiments = chosen(options.only)
    if options.dry_run:
        for line in plan(experiments, root=options.root, results=options.results):
            say(line)
        return
    with goes_on_when_repeated():
        run_all(experiments, root=options.root, results=options.results, say=say)


def _page(words: list[str], prog: str) -> None:
    options = parse(PageOptions, words, prog=prog)
    from reproduction.write import write_results

    write_results(options.results, say=say)


def _publish(words: list[str], prog: str) -> None:
    options = parse(PublishOptions, words, prog=prog)
    from reproduction.publish import publish

    publish(**vars(options), say=say)


def _compare(words: list[str], prog: str) -> None:
    options = parse(CompareOptions, words, prog=prog)
    from reproduction.comparison import compare_models
    from reproduction.scored import Asked
    from reproduction.stopping import goes_on_when_repeated

    if not options.runs:
        raise UsageError("compare takes one finished run or more, found none")
    names = [run.resolve().name for run in options.runs]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(
            f"the models are named by their folders, found {double[0]} {names.count(double[0])} "
            "times; rename one of the folders"
        )

    asked = Asked(
        context=options.context,
        horizon=options.horizon,
        samples=options.samples,
        clips=options.clips,
        seed=options.seed,
        temperatures=not options.only_as_learnt,
        processes=options.num_processes,
    )
    with goes_on_when_repeated():
        compare_models(dict(zip(names, options.runs, strict=True)), options.out, asked, say=say)


def _gpu(words: list[str], prog: str) -> None:
    options = parse(GpuOptions, words, prog=prog)
    from reproduction.gpu import FULL, SMALL, run_plan

    if not options.minutes > 0:
        raise UsageError(f"minutes is above 0, found {options.minutes:g}")
    run_plan(options.minutes, options.out, scale=SMALL if options.dry_run else FULL, say=say)


def _join(words: list[str], prog: str) -> None:
    options = parse(JoinOptions, words, prog=prog)
    from reproduction.packing import join

    join(options.parts, options.run)
    say(f"{options.run}: go on with `dlh train --resume {shlex.quote(str(options.run))}`")


def _horizon(words: list[str], prog: str) -> None:
    options = parse(HorizonOptions, words, prog=prog)
    from dlh.analysis.findings import AnalysisConfig
    from reproduction.horizon import measure_horizons
    from reproduction.stopping import goes_on_when_repeated

    config = AnalysisConfig(
        clips=options.clips,
        futures_clips=options.futures_clips,
        samples=options.samples,
        horizon=options.horizon,
    )
    with goes_on_when_repeated():
        measure_horizons(
            options.runs, results=options.results, work=options.work, config=config, say=say
        )


def _events_table(words: list[str], prog: str) -> None:
    options = parse(EventsTableOptions, words, prog=prog)
    from reproduction.events_table import tabulate
    from reproduction.stopping import goes_on_when_repeated

    with goes_on_when_repeated():
        tabulate(
            options.runs,
            results=options.results,
            clips=options.clips,
            clip_length=options.clip_length,
            films=options.films,
            model=options.model,
            trained=options.trained,
            scenes=options.scenedetect,
            say=say,
        )


def _arena(words: list[str], prog: str) -> None:
    options = parse(ArenaOptions, words, prog=prog)
    from reproduction.arena import write_clips

    labels = write_clips(
        options.folder, clips=options.clips, seconds=options.seconds, seed=options.seed
    )
    say(f"written: {options.folder}, {labels}")


def _joined(words: list[str], prog: str) -> None:
    options = parse(JoinedOptions, words, prog=prog)
    from reproduction.joined import write_joined

    labels = write_joined(
        options.folder,
        options.videos,
        films=options.films,
        seconds=options.seconds,
        seed=options.seed,
    )
    say(f"written: {options.folder}, {labels}")


def _walks(words: list[str], prog: str) -> None:
    options = parse(WalksOptions, words, prog=prog)
    from reproduction.walks import write_walks

    labels = write_walks(
        options.folder, films=options.films, seconds=options.seconds, seed=options.seed
    )
    say(f"written: {options.folder}, {labels}")


PROGRAM = "python -m reproduction"

COMMANDS = {
    "list": Command("all of them: cost and state", _list),
    "run": Command("train and analyse those that have no record yet", _run),
    "page": Command("make the results page anew from the records", _page),
    "sweep": Command("which likelihood std suits some clips: several short runs", sweep_command),
    "compare": Command("trained models of any kind side by side on one world", _compare),
    "table1": Command("worlds x models x seeds on equal terms, and their page", table1_command),
    "gpu": Command("what to do with some minutes of a GPU, by priority", _gpu),
    "join": Command("a run again, of the parts that gpu wrote", _join),
    "horizon": Command("how far the futures of runs on Moving Ball go, and the marks", _horizon),
    "arena": Command("films of an animal that rests, explores and grooms", _arena),
    "joined": Command("films joined from videos, with the cuts as labels", _joined),
    "walks": Command("films of walks through ViZDoom mazes, with the rooms entered", _walks),
    "events-table": Command("which events runs find, world by world", _events_table),
    "publish": Command("make a shipped model of a finished run", _publish),
}

USAGE = """usage: python -m reproduction COMMAND [OPTIONS]
       python -m reproduction COMMAND --help says more

{commands}

examples:
  python -m reproduction list
  python -m reproduction run --only "full-lambda0-*"
  python -m reproduction page"""

if __name__ == "__main__":
    sys.exit(main())
