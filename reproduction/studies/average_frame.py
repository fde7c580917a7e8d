"""Does a model foresee less than the mean frame, or are only its single futures further away?

    python -m reproduction.studies.average_frame RUN [RUN ...] --clips 16

A future shows objects somewhere; the mean frame of the training clips is a blur. By squared error
an object in the wrong place is wrong twice, where it is and where it should be. So a model may know
more than the mean frame and yet score less. The average frame of its futures, pixel by pixel, tells
the two cases apart: it has the lowest squared error that the model's own forecast expects.

PSNR in dB by part of the horizon: of the future that is closest over the whole horizon, of the mean
over futures, of the average frame of the futures, and of the mean frame.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor

from dlh.commands.evaluate import open_evaluation
from dlh.commands.options import EvaluateOptions
from dlh.evaluation.results import Bootstrap
from dlh.evaluation.rows import MODEL, Row
from dlh.evaluation.scores.frames import psnr
from dlh.evaluation.scoring import draw_all
from dlh.evaluation.work import one_thread
from dlh.files.text_table import text_table

PARTS = (0, 20, 50, 100, 200, 300)
"""Predicted steps between which scores are averaged; the last part ends with the horizon."""
HEADS = ("run", "steps", "closest future", "mean of futures", "average frame", "mean frame",
         "average frame less mean frame, 95 % of clips resampled")  # fmt: skip


def by_future_and_average(blocks: Iterable[Tensor], truth: Tensor) -> tuple[Tensor, Tensor]:
    """PSNR of every step: of each future, (futures, time), and of their average frame, (time).

    Args:
        blocks: of futures, (some, time, channel, height, width).
        truth: (time, channel, height, width), in [0, 1].
    """
    singly, total, count = [], torch.zeros_like(truth), 0
    for frames in blocks:
        singly.append(psnr(frames, truth))
        total += frames.clamp(0, 1).sum(0)
        count += len(frames)
    return torch.cat(singly), psnr(total / count, truth)


def measure(options: EvaluateOptions) -> Tensor:
    """PSNR of every step of every clip, (clips, columns, time), in the order of :data:`HEADS`."""
    opened = open_evaluation(options)
    evaluation = opened.evaluation
    protocol = evaluation.protocol(
        name=opened.name, samples=opened.samples, seed=options.seed, model=opened.model
    )
    model, floor = evaluation.rows[MODEL], evaluation.rows["mean_frame"]
    assert isinstance(model, Row) and isinstance(floor, Row)
    rows = []
    with one_thread(evaluation.device):
        for clip in range(protocol.data.clips):
            context, truth, _ = evaluation.tensors(clip)
            futures, average = by_future_and_average(
                draw_all(model, clip, context, protocol), truth
            )
            still, _ = by_future_and_average(draw_all(floor, clip, context, protocol), truth)
            closest = futures[futures.mean(1).argmax()]
            rows.append(torch.stack((closest, futures.mean(0), average, still[0])))
    return torch.stack(rows)


def row(found: Tensor, resampled: Bootstrap) -> tuple[str, ...]:
    """The cells of some steps of what :func:`measure` found."""
    values = found.mean((0, 2))
    gaps = (found[:, 2] - found[:, 3]).mean(1).numpy()
    interval = resampled.interval(gaps)
    ends = "" if interval is None else " [{:+.2f}, {:+.2f}]".format(*interval)
    return (*(f"{value:.2f}" for value in values), f"{gaps.mean():+.2f}{ends}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", help="trained models", metavar="RUN")
    parser.add_argument("--clips", type=int, default=16, help="test clips; 16 unless given")
    parser.add_argument("--samples", type=int, default=100, help="futures; 100 unless given")
    parser.add_argument("--horizon", type=int, default=300, help="steps; 300 unless given")
    options = parser.parse_args()
    table = [HEADS]
    for run in options.runs:
        found = measure(
            EvaluateOptions(
                model=run,
                context=30,
                horizon=options.horizon,
                samples=options.samples,
                clips=options.clips,
            )
        )
        resampled = Bootstrap(len(found), seed=0)
        bounds = [step for step in PARTS if step < options.horizon] + [options.horizon]
        parts = [*pairwise(bounds), (0, options.horizon)]
        for first, end in parts:
            table.append((run, f"{first + 1}-{end}", *row(found[..., first:end], resampled)))
    print(*text_table(table), sep="\n")


if __name__ == "__main__":
    main()
