"""What the levels of a model of Moving MNIST hold, and when they change.

    python -m reproduction.studies.digits runs/findings/mnist-seed0

For each level: by how much a frame's brightness, the sum of its pixels, differs with the level's
state taken from other moments, relative to what it was (a standard deviation; the weight of the
strokes, where nothing is elsewhere); and how often the level changes in the fifth of a clip's steps
where the frame is darkest, which is where the digits cover each other most, and in all others.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

from dlh.analysis.exchange import Moments, resample
from dlh.analysis.level_findings import MOMENTS, RESAMPLINGS
from dlh.distributions import each
from dlh.interfaces import LayeredModel, ObservedLevels
from dlh.video import from_stored
from reproduction.studies.observed import observe_run

COVERED = 0.2
"""Share of a clip's steps that count as those where the digits cover each other most."""


def changes_where_covered(changed: Tensor, brightness: Tensor) -> tuple[float, float]:
    """Changes per step, t >= 2, in the darkest fifth of each clip's steps, and in the others.

    Args:
        changed: e_t^n of one level, (clips, time).
        brightness: of the frames, (clips, time).
    """
    changed, brightness = changed[:, 1:], brightness[:, 1:]
    covered = brightness < brightness.quantile(COVERED, dim=1, keepdim=True)
    return float(changed[covered].float().mean()), float(changed[~covered].float().mean())


def brightness_differs(original: Tensor, frames: Tensor) -> float:
    """Standard deviation of the relative difference in brightness.

    Args:
        original: (moments, channel, height, width).
        frames: the same with other states, (moments, samples, channel, height, width).
    """
    own, other = original.flatten(1).sum(1)[:, None], frames.flatten(2).sum(2)
    return float(((other - own) / own).std())


@torch.no_grad()
def measure(run: str, clips: int) -> list[dict[str, float]]:
    """The rows of the table, from level 1."""
    subject, chosen, observed = observe_run(run, clips)
    model = subject.model.model
    brightness = from_stored(chosen.video[:, : observed.changed.shape[1]]).sum((2, 3, 4))
    observed = each(lambda part: part.to(subject.model.device), observed)
    moments = Moments.spread(observed, MOMENTS, before_end=1)
    return [
        _row(model, observed, moments, brightness, level)
        for level in range(1, model.config.num_levels + 1)
    ]


def _row(
    model: LayeredModel, observed: ObservedLevels, moments: Moments, brightness: Tensor, level: int
) -> dict[str, float]:
    exchanged = resample(
        model,
        observed,
        [level],
        moments,
        samples=RESAMPLINGS,
        source="elsewhere",
        generator=torch.Generator(observed.state.device).manual_seed(1),
    )
    covered, elsewhere = changes_where_covered(observed.changed[..., level - 1].cpu(), brightness)
    return {
        "level": level,
        "brightness": brightness_differs(exchanged.original, exchanged.frames),
        "covered": covered,
        "elsewhere": elsewhere,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="a run of dlh train, a folder with a model, a shipped model")
    parser.add_argument("--clips", type=int, default=64, help="to look at; 64 unless given")
    options = parser.parse_args()
    print("| level | brightness differs by | changes where covered | changes elsewhere |")
    print("|---|---|---|---|")
    for row in measure(options.run, options.clips):
        print("| {level} | {brightness:.3f} | {covered:.3f} | {elsewhere:.3f} |".format(**row))


if __name__ == "__main__":
    main()
