"""What each change of the ball's colour costs level 2, as a change and as staying.

    python -m reproduction.studies.colour_steps runs/findings/levels5-seed1

For each step of the cycle, on the clips of `dlh analyse`: how often level 2 notices it, and the two
divergences that Eq. 4 compares there, medians in nats. It changes where the first is the smaller.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch
from torch import Tensor

from dlh.analysis.moving_ball.recalls import colour_recalls
from dlh.data.worlds.moving_ball import MovingBallClips
from dlh.models.dlh import Trace
from reproduction.studies.observed import observe_run


def costs(trace: Trace, colours: Tensor, colour: int, following: int) -> tuple[float, float]:
    """Medians of KL[q' || p'] and KL[q' || b] of level 2, nats, where one colour follows another.

    Args:
        trace: of the clips.
        colours: index of the ball's colour, (clips, time).
        colour: the one before.
        following: the one that follows it.
    """
    here = torch.zeros_like(colours, dtype=torch.bool)
    here[:, 1:] = (colours[:, :-1] == colour) & (colours[:, 1:] == following)
    found = (trace.change_divergence[..., 1], trace.static_divergence[..., 1])
    to_change, to_static = (float(nats[here].median()) for nats in found)
    return to_change, to_static


def rows(run: str, clips: int) -> Iterator[tuple[str, float, float, float]]:
    """(step of the cycle, recall, nats as a change, nats as staying)."""
    subject, chosen, observed = observe_run(run, clips)
    trace = observed.source
    if (
        not isinstance(chosen, MovingBallClips)
        or getattr(subject.model.config, "num_levels", 1) < 2
    ):
        raise SystemExit(f"{run} is no model of Moving Ball with two levels or more")
    names = subject.experiment.data.ball.colours
    colours = torch.from_numpy(chosen.colours[:, : trace.changed.shape[1]])
    for name, recall in colour_recalls(trace.changed, chosen, names).items():
        before, after = (names.index(word) for word in name.split(" to "))
        yield name, recall, *costs(trace, colours, before, after)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="a run of dlh train, a folder with a model, a shipped model")
    parser.add_argument("--clips", type=int, default=64, help="to look at; 64 unless given")
    options = parser.parse_args()
    print("| step | recall | nats as a change | nats as staying |\n|---|---|---|---|")
    for name, recall, to_change, to_static in rows(options.run, options.clips):
        print(f"| {name} | {recall:.3f} | {to_change:.2f} | {to_static:.2f} |")


if __name__ == "__main__":
    main()
