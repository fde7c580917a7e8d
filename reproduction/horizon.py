"""How far the futures of trained models go on Moving Ball, beside the marks that were set.

Each run is analysed twice on test clips: at temperature 1, and at the temperature that its
validation clips choose by the energy score. Its record joins the others in futures.json, and the
page is made anew from all of them and from the single starts of
``reproduction.studies.emergence``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from dlh.analysis.findings import AnalysisConfig
from dlh.commands.analyse import write_analysis
from dlh.errors import UsageError
from dlh.evaluation.scores.frames import psnr
from dlh.files.writing import Say, make_folder, write_bytes
from dlh.pretrained import DLH
from dlh.runs.subject import Subject, open_subject
from dlh.runs.temperature import AUTO
from dlh.video import from_stored
from reproduction.horizon_page import render
from reproduction.scored import training_of
from reproduction.studies.emergence import world_of

RECORDS, PAGE = "futures.json", "long-horizon.md"
STARTS, BEFORE = "emergence.json", "before.json"
FOLDER = "long-horizon"
"""Of the records, beside the page."""

Record = dict[str, Any]


def measure_horizons(
    runs: Sequence[Path], *, results: Path, work: Path, config: AnalysisConfig, say: Say = print
) -> list[Record]:
    """Analyse the runs that have no record yet, and make the page.

    Args:
        runs: finished runs on Moving Ball, named by their folders; none: only the page.
        results: the folder of the page, with a folder of records beside it.
        work: the folder of the analyses.
        config: how much is analysed.
        say: takes a line for each thing done.

    Returns:
        All records.

    Raises:
        UsageError: there is neither a run nor a record, or a run is not of Moving Ball.
        PretrainedError, RunFolderError, DataError: a run cannot be used.
        OutputError: a file cannot be written.
    """
    make_folder(results / FOLDER)
    records = _read(results / FOLDER / RECORDS)
    for run in runs:
        name = run.resolve().name
        if any(record["run"] == name for record in records):
            say(f"{name}: has a record; remove it from {results / FOLDER / RECORDS} to repeat it")
            continue
        records.append(_record(name, run, work / name, config, say))
        _write(results / FOLDER / RECORDS, records)
    if not records:
        raise UsageError(f"there is no record in {results / FOLDER / RECORDS}, and no run to make")
    starts, before = (_read(results / FOLDER / name) for name in (STARTS, BEFORE))
    write_bytes(results / PAGE, render(records, starts, before or {}).encode())
    say(f"written: {results / PAGE}")
    return records


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.exists() else []


def _write(path: Path, records: Sequence[Record]) -> None:
    body = ",\n".join(json.dumps(record, indent=1, allow_nan=False) for record in records)
    write_bytes(path, f"[\n{body}\n]\n".encode())


def _record(name: str, run: Path, work: Path, config: AnalysisConfig, say: Say) -> Record:
    subject = open_subject(str(run))
    if not subject.experiment.data.is_moving_ball:
        raise UsageError(f"{run} was trained on {subject.source.name}, and this is for Moving Ball")
    say(f"{name}: at the temperature that validation clips choose")
    chosen = write_analysis(
        model=str(run), out=work / "chosen", config=config, temperatures=(AUTO, 1.0), say=say
    )
    say(f"{name}: at temperature 1")
    learnt = write_analysis(model=str(run), out=work / "as-learnt", config=config, say=say)
    return {
        "run": name,
        **_training(run, subject),
        "reconstruction_psnr": _reconstruction(subject, config),
        "temperature": chosen["temperature"],
        "clips": chosen["clips"],
        **_of_events(chosen),
        "futures_clips": chosen["futures"]["clips"],
        "samples": chosen["futures"]["samples"],
        "horizon": chosen["futures"]["horizon"],
        "at": {"chosen": _of_futures(chosen), "as_learnt": _of_futures(learnt)},
    }


@torch.no_grad()
def _reconstruction(subject: Subject, config: AnalysisConfig) -> float:
    """PSNR of observed frames, decoded from what was inferred about them, mean over the clips."""
    found = subject.held_out(
        count=config.futures_clips, lengths=config.clip_lengths, enough=config.futures_clips
    )
    model = subject.model
    assert isinstance(model, DLH)
    scores = []
    for clip in found.clips.video:
        film = from_stored(clip[None], model.device)
        scores.append(float(psnr(model.reconstruct(film, seed=config.seed), film).mean()))
    return sum(scores) / len(scores)


def _training(run: Path, subject: Subject) -> Record:
    training = subject.experiment.training
    return {
        "preset": subject.experiment.preset,
        "world": world_of(subject.experiment),
        "seed": training.seed,
        "starts": training.starts,
        "likelihood_std": getattr(subject.experiment.model, "likelihood_std", None),
        "joint_updates": training.steps,
        "later_updates": list(training.later_steps),
        "core_seconds": training_of(run, subject)["cpu_seconds"],
    }


def _of_events(numbers: Mapping[str, Any]) -> Record:
    """What does not depend on the temperature; None where level 2 never, or always, changed."""
    foresight = numbers["foresight"]["model"]
    return {
        "f1": numbers["events"]["f1"],
        "recalls": numbers["events"]["recalls_by_colour"],
        "p_change": foresight.get("inferred_change", {}).get("mean"),
        "p_static": foresight.get("inferred_static", {}).get("mean"),
        "nats": [level["state_kl"]["mean"] for level in numbers["levels"]],
        "least_nats": numbers["depth"]["least_state_kl_of_level_1"]["mean"],
    }


def _of_futures(numbers: Mapping[str, Any]) -> Record:
    futures = numbers["futures"]
    world, tracking = futures["world"], futures["tracking"]
    return {
        "states": numbers["settings"]["temperature"],
        "decisions": numbers["settings"]["decision_temperature"],
        "in_place_best": tracking["median_steps_best"],
        "in_place_mean": tracking["median_steps_mean"],
        "psnr": futures["psnr"],
        "clear": world["clear"],
        "sharpness": world["sharpness"],
        "switch_rate": world.get("switch_rate"),
        "true_switch_rate": world["true_switch_rate"],
    }
