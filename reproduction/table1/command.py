"""``python -m reproduction table1``: its options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from dlh.cli.parse import parse
from dlh.cli.running import say
from dlh.errors import UsageError
from dlh.files.writing import make_folder
from dlh.settings import check_at_least

if TYPE_CHECKING:
    from reproduction.table1.work import Request


@dataclass(frozen=True, kw_only=True)
class Table1Options:
    """Train worlds x models x seeds on equal terms, score them under one protocol, and write
    table1.md. What is done already is not done again, and several of these commands at a time share
    the trainings.

    example:  python -m reproduction table1 --worlds moving-ball --core-hours 1

    example:  python -m reproduction table1 --run moving-ball/dlh2-seed0=runs/moving-ball-long
    """

    worlds: tuple[str, ...] = ()
    """moving-ball, moving-mnist, vizdoom-mazes (the default: these three), moving-mnist-long, kth,
    gqn-mazes; the last three need their files."""
    models: tuple[str, ...] = ()
    """dlh2, dlh3, flat, cwvae, vta, lmc; default: all. To train none and only compare given runs:
    none."""
    seeds: tuple[int, ...] = (0,)
    """Of weights, clips and noise."""
    size: Literal["tiny", "cores", "paper"] = "cores"
    """tiny: seconds, learns nothing; cores: for a CPU; paper: the published sizes, for a GPU."""
    run: tuple[str, ...] = ()
    """WORLD/ROW=FOLDER, a finished run. A row of the name of a cell, such as dlh2-seed0, takes the
    place of its training; another name makes a row of its own."""
    data: tuple[str, ...] = ()
    """WORLD=PATH, other data of the same kind: a clip store or a folder of videos."""
    core_hours: float = 1.0
    """The budget of each model on each world, trials included; on a GPU, hours by the clock."""
    frames: int | None = None
    """Also train each model until it has taken so many frames of clips, for a second table; those
    that would need more than twice the core-hours are left out."""
    context: int = 30
    """Frames to observe; 36 is the context of CW-VAE's publication."""
    horizon: int | None = None
    """Frames to predict; default: 300, in mazes 200."""
    samples: int = 100
    """Futures of each clip."""
    clips: int = 100
    """The most test clips."""
    seed: int = 0
    """Of the futures."""
    far: int | None = None
    """Predicted frames of the cost of a horizon; default: 1,000 where clips can be so long; 0:
    none."""
    without_levels: tyro.conf.FlagCreatePairsOff[bool] = False
    """Leave out the figures of what DLH's levels hold."""
    num_processes: int | None = None
    """Processes that score clips; default: as many as there are cores."""
    root: Annotated[Path, tyro.conf.arg(metavar="FOLDER")] = Path("runs/table1")
    """The folder of runs, scores and page."""
    keep: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Copy there what the page shows and what a reader needs to check it, without weights."""
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Only say what would be trained."""

    def __post_init__(self) -> None:
        if not self.core_hours > 0:
            raise UsageError(f"core-hours is above 0, found {self.core_hours:g}")
        if not self.seeds:
            raise UsageError("seeds are one or more, found none")
        check_at_least(1, error=UsageError, frames=self.frames)
        check_at_least(0, error=UsageError, far=self.far)


def table1(words: list[str], prog: str) -> None:
    """Run the command."""
    options = parse(Table1Options, words, prog=prog)
    from reproduction.stopping import goes_on_when_repeated
    from reproduction.table1.kept import keep
    from reproduction.table1.work import plan, run_list

    request = request_of(options)
    if options.dry_run:
        for line in plan(request, options.root):
            say(line)
        return
    if options.keep is not None:
        make_folder(options.keep)
    with goes_on_when_repeated():
        run_list(request, options.root, say=say)
        if options.keep is not None:
            keep(options.root, options.keep, say=say)


def request_of(options: Table1Options) -> Request:
    """What the options ask for.

    Raises:
        UsageError: a world, a model or a run is not known.
    """
    from dlh.settings import suggestion
    from reproduction.scored import Asked
    from reproduction.table1.cells import HERE, MODELS, WORLDS
    from reproduction.table1.work import Request

    def world(name: str) -> str:
        if name not in WORLDS:
            raise UsageError(
                f"there is no world {name!r} in Table 1{suggestion(name, list(WORLDS))}; it has "
                + ", ".join(WORLDS)
            )
        return name

    given: dict[str, dict[str, Path]] = {}
    for word in options.run:
        place, equals, folder = word.partition("=")
        name, slash, row = place.partition("/")
        if not (equals and slash and row and folder):
            raise UsageError(f"--run is WORLD/ROW=FOLDER, found {word!r}")
        given.setdefault(world(name), {})[row] = Path(folder)
    data = {}
    for word in options.data:
        name, equals, path = word.partition("=")
        if not (equals and path):
            raise UsageError(f"--data is WORLD=PATH, found {word!r}")
        data[world(name)] = path
    models = options.models or tuple(MODELS)
    return Request(
        worlds=[WORLDS[world(name)] for name in options.worlds or HERE],
        models=() if models == ("none",) else models,
        seeds=options.seeds,
        size=options.size,
        data=data,
        given=given,
        core_hours=options.core_hours,
        frames=options.frames,
        asked=Asked(
            context=options.context,
            horizon=options.horizon,
            samples=options.samples,
            clips=options.clips,
            seed=options.seed,
            processes=options.num_processes,
        ),
        far=options.far,
        levels=not options.without_levels,
    )
