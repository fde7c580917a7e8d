"""How many single starts of the recipe end with a hierarchy.

    dlh train moving-ball --seed 4003 --training.later-steps --model.dynamics.clips 0
        --training.threads 1 --run runs/emergence/l0-4003
    python -m reproduction.studies.emergence runs/emergence/* --out emergence.json

For each run: precision, recall and F1 of level 2 on test clips of its own world, the change of
colour that it notices least, F1 of the levels above it that have true events of their own, and how
often each level changes. Then, for each world, likelihood std and recipe, the runs whose F1 is at
least .98.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlh.analysis.moving_ball.recalls import colour_recalls
from dlh.data.clips import Clips
from dlh.data.published.catalogue import TWO_CLOCKS
from dlh.evaluation.events import change_rates, event_scores, scores_by_level
from dlh.files.text_table import text_table
from dlh.files.writing import write_bytes
from dlh.interfaces import ObservedLevels
from dlh.models.dlh import DLHConfig, EmergenceConfig
from dlh.runs.experiment import Experiment
from dlh.runs.presets import preset
from dlh.training.metrics import VALIDATION
from dlh.training.run import RunFolder
from reproduction.studies.observed import observe_run

EMERGED = 0.98
"""The least event F1 of a hierarchy that has found its events."""
HEADS = [
    "world", "early memories", "starts", f"F1 at least {EMERGED}", "lowest F1",
    "the change noticed least, its recall",
]  # fmt: skip
"""Of the columns of :func:`summary`; at first, memories are read in so many updates."""


def world_of(experiment: Experiment) -> str:
    """What distinguishes the run from others of the same recipe, seed aside."""
    ball, model = experiment.data.ball, experiment.model
    if experiment.data.source == TWO_CLOCKS:
        by = "at random" if experiment.data.clocks.room_change_probability else "by the ball"
        return f"Two Clocks, the room {by}, N = {getattr(model, 'num_levels', 1)}"
    parts = [f"lambda {ball.colour_change_probability:g}", f"{ball.size} px"]
    if ball.texture:
        parts.append("textured")
    parts.append(f"std {getattr(model, 'likelihood_std', 1.0):g}")
    usual = preset(experiment.preset)
    levels = getattr(model, "num_levels", 1)
    if levels != getattr(usual.model, "num_levels", 1):
        parts.append(f"N = {levels}")
    if isinstance(model, DLHConfig) and isinstance(usual.model, DLHConfig):
        until = model.emergence.exploration_until
        if until != usual.model.emergence.exploration_until:
            parts.append(f"exploration until {until}")
        begin = model.emergence.memory_from
        if begin != usual.model.emergence.memory_from:
            steps = experiment.training.steps
            parts.append("no memories" if begin >= steps else f"memories from {begin}")
    frames = experiment.training.clip_length
    if frames != usual.training.clip_length:
        parts.append(f"clips of {frames} frames")
    return ", ".join(parts)


def early_memories(experiment: Experiment) -> str:
    """In which updates of the first part of the training memories are read."""
    recipe = getattr(experiment.model, "emergence", EmergenceConfig())
    if not recipe.memory_from or recipe.memory_every == 1:
        return "all"
    return f"every {recipe.memory_every}." if recipe.memory_every else "none"


def measured(trace: ObservedLevels, clips: Clips, experiment: Experiment) -> dict[str, Any]:
    """Scores of level 2 on the observed clips.

    Args:
        trace: of their first steps.
        clips: with the truth.
        experiment: the run's.
    """
    assert clips.events is not None
    steps = trace.changed.shape[1]
    scores = event_scores(trace.changed[..., 1], clips.events[:, :steps])
    higher = {
        level: each for level, each in scores_by_level(trace.changed, clips).items() if level > 2
    }
    recalls = colour_recalls(trace.changed, clips, experiment.data.ball.colours)
    noticed_least = min(recalls, key=lambda name: recalls[name], default=None)
    return {
        "precision": round(scores.precision, 4),
        "recall": round(scores.recall, 4),
        "f1": round(scores.f1, 4),
        "noticed_least": noticed_least,
        "its_recall": None if noticed_least is None else round(recalls[noticed_least], 4),
        "higher": {
            f"L{level}": {
                "precision": round(each.precision, 4),
                "recall": round(each.recall, 4),
                "f1": round(each.f1, 4),
            }
            for level, each in higher.items()
        },
        "change_rates": [round(rate, 4) for rate in change_rates(trace.changed)],
    }


def row(run: Path, clips: int) -> dict[str, Any]:
    """The record of one run."""
    subject, chosen, trace = observe_run(str(run), clips)
    experiment = subject.experiment
    course = {
        str(line["step"]): round(line[VALIDATION + "events.f1"], 4)
        for line in RunFolder.open(run).metrics.read()
        if VALIDATION + "events.f1" in line
    }
    return {
        "run": run.name,
        "world": world_of(experiment),
        "seed": experiment.training.seed,
        "joint_updates": experiment.training.steps,
        "early_memories": early_memories(experiment),
        **measured(trace, chosen, experiment),
        "f1_by_step": course,
    }


def summary(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """One row a world and recipe: see :data:`HEADS`."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for each in rows:
        found[each["world"], each["early_memories"]].append(each)
    return [
        [
            *which,
            str(len(starts)),
            str(sum(start["f1"] >= EMERGED for start in starts)),
            f"{min(start['f1'] for start in starts):.3f}",
            _least(starts),
        ]
        for which, starts in found.items()
    ]


def _least(starts: Sequence[Mapping[str, Any]]) -> str:
    """The change of colour that any of the starts notices least, and its recall there."""
    known = [start for start in starts if start.get("its_recall") is not None]
    if not known:
        return "-"
    least = min(known, key=lambda start: start["its_recall"])
    return f"{least['noticed_least']}, {least['its_recall']:.2f}"


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, help="finished runs on Moving Ball")
    parser.add_argument("--clips", type=int, default=64, help="to look at; 64 unless given")
    parser.add_argument("--out", type=Path, help="a JSON file for the records")
    options = parser.parse_args()
    rows = [row(run, options.clips) for run in options.runs]
    print(*text_table([HEADS, *summary(rows)], align="<<>>><"), sep="\n")
    if options.out:
        body = ",\n ".join(json.dumps(each, allow_nan=False) for each in rows)
        write_bytes(options.out, f"[\n {body}\n]\n".encode())


if __name__ == "__main__":
    main()
