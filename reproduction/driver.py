"""Runs the experiments that have no record yet; nothing is ever run twice."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dlh.commands.analyse import FIGURES, read_analysis, write_analysis
from dlh.commands.train import resume, start
from dlh.data.clips import DataError
from dlh.errors import OutputError, UsageError
from dlh.files.lock import ALREADY_RUNNING, Lock
from dlh.files.text_table import text_table
from dlh.files.writing import Say, check_writable, make_folder, write_bytes
from dlh.pretrained import PretrainedError
from dlh.runs.experiment import read_snapshot
from dlh.runs.listing import UNREADABLE
from dlh.runs.summary import SUMMARY
from dlh.runs.workers import settled
from dlh.training.errors import (
    Interrupted,
    NonFiniteError,
    RunFolderError,
    TrainingError,
)
from dlh.training.run import EXPERIMENT, RunFolder
from reproduction.catalogue import MOST_CORE_HOURS
from reproduction.named import Named
from reproduction.record import (
    as_text,
    failed_record,
    make_record,
    read_record,
    recorded_settings,
)

ROOT = Path("runs/findings")
RESULTS = Path("docs/results")
RECORDS = "runs"
PICTURES = "figures"
FAILURES = (TrainingError, DataError, UsageError, PretrainedError, OutputError)
"""What can be wrong with one experiment and not with the next."""


def run_all(
    experiments: Sequence[Named],
    *,
    root: Path = ROOT,
    results: Path = RESULTS,
    say: Say = print,
) -> None:
    """Run the experiments that have no record, in their order.

    One that needs a GPU is passed over where there is none. An unfinished one goes on where it
    stopped; one that another process is at is left to it, so two of these commands share the work.
    One whose loss becomes infinite gets a record that says so; one that fails otherwise is passed
    over.

    Args:
        experiments: which.
        root: the folder of their runs.
        results: the folder of the records.
        say: takes the lines for a person.

    Raises:
        Interrupted: somebody stopped it.
        OutputError: nothing can be written, or some experiments failed; the message names them.
    """
    check_same_settings(experiments, results)
    failed: dict[str, str] = {}
    for number, named in enumerate(experiments, start=1):
        place = record_path(results, named)
        if place.exists():
            continue
        if not _can_run(named):
            say(f"{named.name}: passed over, it needs a GPU")
            continue
        check_writable(place, ".json")
        make_folder(root)
        lock = Lock(root / f".{named.name}.lock", doing=f"training {named.name}", error=OutputError)
        try:
            lock.acquire()
        except OutputError as error:
            if error.code != ALREADY_RUNNING:
                raise
            say(f"{named.name}: {error}")
            continue
        try:
            if place.exists():  # it was at it a moment ago
                continue
            say(f"[{number}/{len(experiments)}] {named.name}: {named.what}")
            record = _run(named, root / named.name, results, say)
            write_bytes(place, as_text(record).encode())
            say(f"{named.name}: {place}")
        except Interrupted:
            raise
        except FAILURES as error:
            failed[named.name] = str(error)
            say(f"{named.name} failed: {error}")
        finally:
            lock.release()
    if failed:
        raise OutputError(
            f"{len(failed)} of {len(experiments)} experiments failed: "
            + "; ".join(f"{name}: {message}" for name, message in failed.items())
        )


def plan(experiments: Sequence[Named], *, root: Path, results: Path) -> Iterator[str]:
    """What would be run, what it should cost, and what is there, as a table; what cannot be
    read is said, not raised.
    """
    head = ("experiment", "updates", "core-hours", "took", "state", "what")
    rows, troubles = [head], []
    left = total = gpu_hours = 0.0
    for named in experiments:
        try:
            state, took = _state(named, root, results)
        except (OutputError, RunFolderError) as error:
            state, took = UNREADABLE, None
            troubles.append(f"{named.name}: {error}")
        total += named.core_hours
        left += 0.0 if state in ("done", "failed") else named.core_hours
        gpu_hours += named.gpu_hours
        rows.append(
            (
                named.name,
                f"{named.updates}",
                f"{named.gpu_hours:.2f} (GPU)" if named.on_gpu else f"{named.core_hours:.2f}",
                "-" if took is None else f"{took:.2f}",
                state,
                named.what,
            )
        )
    yield from text_table(rows)
    yield from troubles
    yield (
        f"{len(experiments)} experiments, {total:.1f} core-hours of a CPU by estimate (at most "
        f"{MOST_CORE_HOURS:g}); {left:.1f} of these are still to do"
        + (f"; and {gpu_hours:.1f} hours of a GPU, for all that need one" if gpu_hours else "")
    )


def record_path(results: Path, named: Named) -> Path:
    """Where the record of an experiment is."""
    return results / RECORDS / f"{named.name}.json"


def read_records(results: Path) -> dict[str, dict[str, Any]]:
    """All records, by name."""
    found = [read_record(path) for path in sorted((results / RECORDS).glob("*.json"))]
    return {record["name"]: record for record in found}


def _run(named: Named, folder: Path, results: Path, say: Say) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        if (folder / EXPERIMENT).exists():
            if read_snapshot(RunFolder.open(folder)) != settled(named.experiment):
                raise RunFolderError(
                    f"the run in {folder} has other settings than {named.name} has now; move it "
                    "aside"
                )
            resume(folder, say=say)
        else:
            start(named.experiment, folder, say=say)
    except NonFiniteError as error:
        return failed_record(named, str(error), _software(folder))
    run = RunFolder.open(folder)
    out, analysis_began = folder / "analysis", time.perf_counter()
    numbers = read_analysis(out, named.analysis)
    if numbers is None:
        numbers = write_analysis(model=str(folder), out=out, config=named.analysis, say=say)
    analysis_seconds = time.perf_counter() - analysis_began
    summary = run.read_json(SUMMARY)
    trained = sum(summary["seconds"].values())
    for figure in named.figures:
        picture = out / FIGURES / f"{figure}.png"
        if picture.exists():
            kept = results / PICTURES / f"{named.name}-{figure}.png"
            check_writable(kept, ".png")
            write_bytes(kept, picture.read_bytes())
    # All but the training; of a run that was interrupted, measuring it is not known apart.
    measured = max(analysis_seconds, time.perf_counter() - began - trained)
    return make_record(
        named,
        metrics=run.metrics.read(),
        summary=summary,
        analysis=numbers,
        analysis_seconds=measured,
        software=_software(folder),
    )


def _software(folder: Path) -> dict[str, str]:
    return RunFolder(folder).read_json(EXPERIMENT)["software"]


def _state(named: Named, root: Path, results: Path) -> tuple[str, float | None]:
    place = record_path(results, named)
    if place.exists():
        record = read_record(place)
        took = record.get("gpu_hours", record.get("core_hours"))
        return ("failed", None) if "failed" in record else ("done", took)
    if not _can_run(named):
        return "needs a GPU", None
    if not (root / named.name / EXPERIMENT).exists():
        return "to do", None
    status = RunFolder.open(root / named.name).status()
    return f"{status.state}, step {status.step}", None


def _can_run(named: Named) -> bool:
    import torch

    return torch.cuda.is_available() or not named.on_gpu


def check_same_settings(experiments: Sequence[Named], results: Path) -> None:
    """A record is of the settings that the experiment has now.

    Raises:
        OutputError: one is not.
    """
    for named in experiments:
        place = record_path(results, named)
        if place.exists() and not _agrees(
            read_record(place)["settings"], recorded_settings(named.experiment)
        ):
            raise OutputError(
                f"{place} is of other settings than {named.name} has now; give the changed "
                "experiment another name, or remove the record to run it again"
            )


def _agrees(saved: Any, now: Any) -> bool:
    """Whether settings are what they were; one that did not exist then does not count."""
    if isinstance(saved, dict) and isinstance(now, dict):
        return all(key in now and _agrees(value, now[key]) for key, value in saved.items())
    return saved == now
