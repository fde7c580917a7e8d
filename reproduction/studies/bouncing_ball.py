"""A trained model on SUNTA's Bouncing Ball, in the numbers that SUNTA publishes (arXiv 2607.02087).

    dlh train bouncing-ball --training.threads 1 --run runs/bouncing-ball
    python -m reproduction.studies.bouncing_ball runs/bouncing-ball --out bouncing-ball.json

50 frames are observed, 250 predicted. Of every predicted frame: structural similarity, and the
squared error summed over its pixels and channels, in [0, 1]. SUNTA leaves open whether it sums over
one frame or a clip, how large its ball is, and how many futures it draws, so its numbers compare
only loosely.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlh.data.published.catalogue import BOUNCING_BALL
from dlh.errors import UsageError
from dlh.evaluation.events import event_scores
from dlh.evaluation.scores.frames import ssim
from dlh.files.text_table import text_table
from dlh.files.writing import write_json
from dlh.runs.subject import Subject, open_subject
from dlh.runs.temperature import AUTO, resolve_temperature
from dlh.video import from_stored
from reproduction.scored import training_of
from reproduction.studies.observed import observe_run

CONTEXT, HORIZON = 50, 250
PUBLISHED = {
    "SUNTA": {"ssim": 0.981, "summed_error": 210.0, "f1": 0.984},
    "RSSM": {"ssim": 0.911, "summed_error": 1395.0, "f1": None},
    "VTA": {"ssim": 0.883, "summed_error": 1308.0, "f1": 0.639},
    "VPR": {"ssim": None, "summed_error": None, "f1": 0.467},
}
"""What SUNTA's table has."""

Scores = dict[str, float]


def scores_of(frames: Tensor, truth: Tensor) -> list[Scores]:
    """Of each future, means over its frames.

    Args:
        frames: (futures, time, channel, height, width), in [0, 1].
        truth: (time, channel, height, width).
    """
    similarity = ssim(frames, truth).mean(-1)
    error = ((frames - truth) ** 2).sum((-3, -2, -1)).mean(-1)
    return [
        {"ssim": float(alike), "summed_error": float(off)}
        for alike, off in zip(similarity, error, strict=True)
    ]


def mean_of(scores: Sequence[Scores]) -> Scores:
    """Of each number."""
    return {name: sum(one[name] for one in scores) / len(scores) for name in scores[0]}


@torch.no_grad()
def rows_of(subject: Subject, *, clips: int, samples: int, seed: int) -> dict[str, Any]:
    """The rows of the table, and the temperature of the model's.

    Args:
        subject: the model and its world.
        clips: test clips.
        samples: futures of each.
        seed: of the draws.
    """
    chosen = resolve_temperature(
        subject, AUTO, 1.0, context=CONTEXT, horizon=HORIZON, samples=samples, seed=seed, say=print
    )
    found = subject.held_out(count=clips, lengths=[CONTEXT + HORIZON], enough=clips)
    rows: dict[str, list[Scores]] = {}
    for number, clip in enumerate(found.clips.video):
        film = from_stored(clip[None], subject.model.device)[0]
        context, truth = film[:CONTEXT], film[CONTEXT:]
        drawn = subject.model.model.predict(
            context[None],
            horizon=HORIZON,
            samples=samples,
            generator=torch.Generator(film.device).manual_seed(seed + number),
            temperature=chosen.temperature,
        )
        futures = scores_of(drawn.frames[0], truth)
        best = min(futures, key=lambda one: one["summed_error"])
        rows.setdefault("one future, the mean", []).append(mean_of(futures))
        rows.setdefault(f"the best of {samples} by squared error", []).append(best)
        for name, still in (("black frame", torch.zeros_like(truth)), ("last frame", context[-1:])):
            rows.setdefault(name, []).append(scores_of(still.expand_as(truth)[None], truth)[0])
    return {
        "temperature": chosen.to_plain(),
        "rows": {name: mean_of(scores) for name, scores in rows.items()},
    }


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a finished run on bouncing-ball")
    parser.add_argument("--clips", type=int, default=16, help="test clips; 16 unless given")
    parser.add_argument("--samples", type=int, default=10, help="futures of each; 10 unless given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a JSON file for the record")
    options = parser.parse_args()
    subject, clips, trace = observe_run(str(options.run), options.clips)
    if subject.source.name != BOUNCING_BALL:
        raise UsageError(
            f"{options.run} was trained on {subject.source.name}, and this is for {BOUNCING_BALL}"
        )
    assert clips.events is not None
    found = event_scores(trace.changed[..., 1], clips.events[:, : trace.changed.shape[1]])
    record: dict[str, Any] = {
        "run": options.run.name,
        "clips": options.clips,
        "samples": options.samples,
        "training": training_of(options.run, open_subject(str(options.run))),
        "events": {"precision": found.precision, "recall": found.recall, "f1": found.f1},
        **rows_of(subject, clips=options.clips, samples=options.samples, seed=options.seed),
        "published": PUBLISHED,
    }
    table = [["", "SSIM", "summed squared error", "boundary F1"]]
    for name, row in {**record["rows"], **PUBLISHED}.items():
        f1 = row.get("f1", record["events"]["f1"] if name.startswith("one future") else None)
        cells = [row["ssim"], row["summed_error"], f1]
        forms = ("{:.3f}", "{:.1f}", "{:.3f}")
        shown = ("-" if x is None else form.format(x) for x, form in zip(cells, forms, strict=True))
        table.append([name, *shown])
    print(*text_table(table, align="<>>>"), sep="\n")
    if options.out:
        write_json(options.out, record)


if __name__ == "__main__":
    main()
