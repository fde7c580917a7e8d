"""Trains the cells that have no run yet, scores those of each world together, writes the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dlh.analysis.findings import AnalysisConfig
from dlh.commands.analyse import read_analysis, write_analysis
from dlh.data.clips import DataError
from dlh.errors import DlhError, OutputError, UsageError
from dlh.files.lock import ALREADY_RUNNING, Lock
from dlh.files.text_table import text_table
from dlh.files.writing import Say, make_folder, write_bytes, write_json
from dlh.interfaces import LayeredModel
from dlh.pretrained import PretrainedError
from dlh.runs.subject import open_subject
from dlh.training.errors import Interrupted, TrainingError
from dlh.training.run import RunFolder
from reproduction.comparison import ONE, compare_models
from reproduction.scored import Asked, training_of
from reproduction.table1.cells import WORLDS, Cell, Size, World, cells
from reproduction.table1.page import (
    CELLS,
    FAR,
    FRAMES,
    HOURS,
    LEVELS,
    MISSING,
    RUNS,
    SCORING,
    TABLE,
    render,
)
from reproduction.table1.terms import (
    CONTEXT,
    TERMS,
    seconds_for,
    share_for,
    train_equal_frames,
    train_equal_hours,
)

SAME_FRAMES = 0.05
"""A run whose frames differ by no more from those asked for is not trained again."""
MOST_FOR_FRAMES = 2.0
"""Times the core-hours that a model may take to reach the frames of the second table."""
FAR_SAMPLES, FAR_CLIPS = 8, 16
FAILURES = (TrainingError, DataError, UsageError, PretrainedError, OutputError)


class NotScored(DlhError):
    """A world could not be scored."""

    code = "not-scored"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be done.

    Attributes:
        worlds: of :data:`~reproduction.table1.cells.WORLDS`.
        models, seeds, size: of the cells.
        data: other data of the same kind, by world.
        given: finished runs by world and row. A row of the name of a cell takes the place of its
            training; any other is a row of its own.
        core_hours: the budget of a model.
        frames: of the second table; None: there is none.
        asked: how futures are scored; the horizon is the world's where it is None.
        far: predicted frames of the cost of a horizon; None: the world's; 0: none.
        levels: whether what the levels of DLH hold is drawn.
    """

    worlds: Sequence[World]
    models: Sequence[str]
    seeds: Sequence[int]
    size: Size = "cores"
    data: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    core_hours: float = 1.0
    frames: int | None = None
    asked: Asked = field(default_factory=Asked)
    far: int | None = None
    levels: bool = True

    def cells_of(self, world: World) -> list[Cell]:
        """Of one world."""
        return cells(world, self.models, self.seeds, self.size, self.data.get(world.name))


def run_list(request: Request, root: Path, *, say: Say = print) -> None:
    """Do what is not done yet of the list, and write the page of all that is done.

    Several of these commands at a time share the trainings. A cell that fails is passed over, and
    the page says why.

    Args:
        request: what.
        root: the folder of everything: runs, scores and page.
        say: takes the lines for a person.

    Raises:
        Interrupted: somebody stopped it.
        OutputError: nothing can be written.
        UsageError: a given run is not there.
        NotScored: a world could not be scored; the page says so, and has the others.
    """
    _check_given(request)
    make_folder(root)
    failed: dict[str, str] = {}
    for world in request.worlds:
        say(f"== {world.title}")
        place = root / world.name
        make_folder(place)
        missing: dict[str, str] = {}
        given = request.given.get(world.name, {})
        runs: dict[str, Path] = {}
        for cell in request.cells_of(world):
            run = given.get(cell.name) or _trained(cell, place, request, missing, say)
            if run is not None:
                runs[cell.name] = run
        runs |= given  # rows of their own come last
        same = _with_same_frames(request, world, place, runs, missing, say)
        write_json(place / MISSING, missing)
        if not runs:
            continue
        _write_cells(world, runs, place, request)  # how rows were trained, should scoring fail
        asked = request.asked
        asked = replace(asked, horizon=asked.horizon or world.horizon)
        try:
            compare_models(runs, place / HOURS, asked, shared=place, say=say)
            if same:
                compare_models(same, place / FRAMES, asked, shared=place, say=say)
            if world.far and (far := world.far if request.far is None else request.far):
                few = replace(
                    asked,
                    horizon=far,
                    samples=min(asked.samples or FAR_SAMPLES, FAR_SAMPLES),
                    clips=min(asked.clips or FAR_CLIPS, FAR_CLIPS),
                    temperatures=False,
                    kept=False,
                )
                compare_models(runs, place / FAR, few, shared=place, say=say)
        except FAILURES as error:
            failed[world.title] = missing[SCORING] = str(error)
            write_json(place / MISSING, missing)
            say(f"{world.title}: {error}")
            continue
        _write_cells(world, runs, place, request)
        if request.levels:
            _draw_levels(runs, place, say)
    there = [world for world in WORLDS.values() if (root / world.name).is_dir()]
    write_bytes(root / TABLE, render(root, there).encode())
    say(f"written: {root / TABLE}")
    if failed:
        reasons = "; ".join(f"{title}: {reason}" for title, reason in failed.items())
        raise NotScored(f"not all worlds could be scored: {reasons}")


def plan(request: Request, root: Path) -> Iterator[str]:
    """What would be trained, and how it stands, as a table; UsageError where a given run is not
    there.
    """
    _check_given(request)
    rows = [("world", "row", "core-hours", "state", "learning rate", "updates of the preset")]
    for world in request.worlds:
        given = request.given.get(world.name, {})
        listed = request.cells_of(world)
        for cell in listed:
            folder = _folder(root / world.name, cell)
            state = "given" if cell.name in given else "to do"
            if (folder / TERMS).exists():
                state = "trained"
            elif folder.exists() and state == "to do":
                state = "begun"
            settings = cell.experiment.training
            rows.append(
                (world.name, cell.name, f"{request.core_hours:g}", state,
                 f"{settings.learning_rate:g}", str(settings.total_steps))
            )  # fmt: skip
        others = set(given) - {cell.name for cell in listed}
        rows += [(world.name, name, "-", "given", "-", "-") for name in sorted(others)]
    yield from text_table(rows)
    hours = request.core_hours * sum(row[3] in ("to do", "begun") for row in rows)
    yield f"{hours:g} core-hours of training at most are still to do; scoring comes on top"


def _check_given(request: Request) -> None:
    for named in request.given.values():
        for name, folder in named.items():
            if not folder.is_dir():
                raise UsageError(f"the run given as {name} is a folder; there is none at {folder}")


def _folder(place: Path, cell: Cell) -> Path:
    return place / RUNS / cell.name


def _trained(
    cell: Cell, place: Path, request: Request, missing: dict[str, str], say: Say
) -> Path | None:
    """The run of a cell, trained where it is not; None where that fails or another is at it."""
    folder = _folder(place, cell)
    make_folder(folder)
    lock = Lock(folder / ".cell.lock", doing=f"training {folder}", error=OutputError)
    try:
        lock.acquire()
    except OutputError as error:
        if error.code != ALREADY_RUNNING:
            raise
        missing[cell.name] = str(error)
        return None
    say(f"{cell.name}: {request.core_hours:g} core-hours")
    try:
        horizon = request.asked.horizon or cell.world.horizon
        run, _ = train_equal_hours(
            cell.experiment,
            folder,
            core_hours=request.core_hours,
            horizon=horizon,
            context=request.asked.context or CONTEXT,
            say=say,
        )
        return run
    except Interrupted:
        raise
    except FAILURES as error:
        missing[cell.name] = f"{error}{_cost_of(folder)}"
        say(f"{cell.name}: {error}")
        return None
    finally:
        lock.release()


def _cost_of(folder: Path) -> str:
    """What an update of a cell that failed costs, and how far its longest training got."""
    lines = {
        place.name: entries[-1]
        for place in folder.iterdir()
        if place.is_dir()
        and (entries := [e for e in RunFolder(place).metrics.read() if e.get("cpu_seconds")])
    }
    if not lines:
        return ""
    place, last = max(lines.items(), key=lambda item: item[1]["step"])
    seconds = last["cpu_seconds"] / last["step"]
    return f" (it got to update {last['step']:,} of {place}, at {seconds:.2f} core-seconds each)"


def _with_same_frames(
    request: Request,
    world: World,
    place: Path,
    runs: Mapping[str, Path],
    missing: dict[str, str],
    say: Say,
) -> dict[str, Path]:
    """The runs of the second table; a run that has these frames already, trained here or given, is
    taken as it is.
    """
    if request.frames is None:
        return {}
    found: dict[str, Path] = {}
    for name, run in runs.items():
        try:
            if _has_frames(run, request.frames):
                found[name] = run
        except FAILURES as error:
            missing[name] = str(error)
    for cell in request.cells_of(world):
        folder = _folder(place, cell)
        if cell.name not in runs or cell.name in found or not (folder / TERMS).exists():
            continue
        terms = json.loads((folder / TERMS).read_text("utf-8"))
        what = f"{cell.name}, {request.frames:,} frames"
        cost = seconds_for(request.frames, terms) / 3600
        if cost > MOST_FOR_FRAMES * request.core_hours:
            missing[what] = f"it would take {cost:.1f} core-hours"
            continue
        say(f"{cell.name}: {request.frames:,} frames, {share_for(request.frames, terms):.2f} of it")
        try:
            found[cell.name] = train_equal_frames(
                cell.experiment,
                folder / f"frames-{request.frames}",
                frames=request.frames,
                terms=terms,
                say=say,
            )
        except Interrupted:
            raise
        except FAILURES as error:
            missing[what] = str(error)
            say(f"{cell.name}: {error}")
    return {name: found[name] for name in runs if name in found}


def _has_frames(run: Path, frames: int) -> bool:
    """Whether a training took so many frames of clips."""
    seen = training_of(run, open_subject(str(run)))["frames"]
    return seen is not None and abs(seen / frames - 1) <= SAME_FRAMES


def _draw_levels(runs: Mapping[str, Path], place: Path, say: Say) -> None:
    """What the levels of each DLH hold (Figs. 5a, 5b) and when they change (Fig. 5c)."""
    config = AnalysisConfig(futures_clips=1, samples=2, horizon=20)
    for name, run in runs.items():
        model = open_subject(str(run)).model
        if model.config.kind != "dlh" or not isinstance(model.model, LayeredModel):
            continue
        out = place / LEVELS / name
        if read_analysis(out, config) is not None:
            continue
        try:
            write_analysis(model=str(run), out=out, config=config, say=say)
        except FAILURES as error:
            say(f"{name}: its levels are not drawn: {error}")


def _write_cells(world: World, runs: Mapping[str, Path], place: Path, request: Request) -> None:
    """One JSON for each row: how it was trained, and its scores."""
    make_folder(place / CELLS)
    for name in runs:
        own = place / RUNS / name / TERMS
        trained = name not in request.given.get(world.name, {}) and own.exists()
        write_json(
            place / CELLS / f"{name}.json",
            {
                "world": world.name,
                "row": name,
                "size": request.size,
                "terms": json.loads(own.read_text("utf-8")) if trained else None,
                **{
                    terms: json.loads((place / terms / name / ONE).read_text("utf-8"))
                    for terms in (HOURS, FRAMES, FAR)
                    if (place / terms / name / ONE).exists()
                },
            },
        )
