"""Do stretches of motion of one state show one behaviour?

    python -m reproduction.studies.behaviours --seeds 500 501

Films of the arena are drawn, `dlh events` finds the change points of motion in all of them, and for
each seed the share of the frames is printed that show the most frequent behaviour of their cluster.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from dlh.commands.events import find_events
from dlh.commands.options import EventsOptions
from reproduction.arena import Arena, behaviours_of, write_clips

SECONDS = 15.0


def shares(seed: int, clips: int, folder: Path) -> dict[int, np.ndarray]:
    """Frames of each behaviour in every cluster, by the cluster's number."""
    films, out = folder / f"arena-{seed}", folder / f"found-{seed}"
    write_clips(films, clips=clips, seconds=SECONDS, seed=seed)
    asked = EventsOptions(model="moving-ball", videos=(films,), out=out, method="changepoint")
    find_events(asked, say=lambda line: None)
    found: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(3, int))
    for number in range(clips):
        shown = behaviours_of(Arena(), seed, number, seconds=SECONDS)
        (path,) = out.glob(f"clip-{number:02d}*.json")
        for segment in json.loads(path.read_text("utf-8"))["segments"]:
            stretch = shown[segment["frame"] : segment["frame"] + segment["frames"]]
            found[segment["cluster"]] += np.bincount(stretch, minlength=3)
    return dict(found)


def main() -> None:
    """Print a line for each seed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[500, 501], help="of the films")
    parser.add_argument("--clips", type=int, default=12, help="films of each seed")
    options = parser.parse_args()
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            found = shares(seed, options.clips, Path(folder))
        frames = np.array(list(found.values()))
        share = frames.max(1).sum() / frames.sum()
        said = f"seed {seed}: {len(found)} clusters of 3 behaviours"
        print(f"{said}; {share:.1%} of the frames are in one of their own")


if __name__ == "__main__":
    main()
