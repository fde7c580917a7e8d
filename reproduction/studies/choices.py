"""What a training step costs with more levels, or with one of the model's choices undone.

    python -m reproduction.studies.choices --json choices.json

Every experiment of the comparisons of ``python -m reproduction`` takes a training step in turn,
round after round; its processor seconds stand over those of its reference in the same round, and
the median of these ratios is printed. One thread, so that another program on the machine slows all.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from reproduction.catalogue import experiments
from reproduction.named import Named

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from stepper import Stepper
from turns import ratio, table, take_turns

sys.path.pop()

PROCESSOR = 1


def compared() -> dict[str, Named]:
    """One seed of each, by name: numbers of levels first, then the choices."""
    found = {}
    for named in experiments():
        if named.group in ("levels", "ablation") and named.experiment.training.seed == 0:
            found[named.name.removesuffix("-seed0")] = named
    return found


def measure(rounds: int) -> list[dict]:
    """The cost of each over that of its reference."""
    named = compared()
    times = take_turns({name: Stepper(each.experiment) for name, each in named.items()}, rounds)
    rows = []
    for name, each in named.items():
        reference = f"levels{each.reference or 2}"
        over = ratio(times[reference], times[name], PROCESSOR)
        rows.append({"what": each.what.split(", seed")[0], "reference": reference, "over": over})
    return rows


def main() -> None:
    """Measure, print, and write what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"rounds are at least 1, found {options.rounds}")
    torch.set_num_threads(1)
    rows = measure(options.rounds)
    columns = {"": "{what}", "over": "{reference}", "seconds of a step": "{over:.2f}"}
    print(table(rows, columns))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
