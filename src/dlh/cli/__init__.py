"""The ``dlh`` command: its subcommands, its help, and the way in."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dlh.cli.running import Command, guarded, run_one_of, say
from dlh.version import __version__

_OPTIONS = "dlh.commands.options"

COMMANDS = {
    "demo": Command.taking(
        f"{_OPTIONS}:DemoOptions",
        "train on a bouncing ball; report the events it finds and its predictions (minutes)",
        run="dlh.commands.demo:demo",
    ),
    "train": Command.by("dlh.cli.train:main", "train a model on generated clips or your videos"),
    "runs": Command.taking(
        f"{_OPTIONS}:RunsOptions",
        "list the runs in a folder: status, step, best figure",
        run="dlh.commands.runs:list_runs",
    ),
    "predict": Command.taking(
        f"{_OPTIONS}:PredictOptions",
        "draw futures of a video, as film, picture and arrays",
        run="dlh.commands.predict:predict_file",
    ),
    "events": Command.taking(
        f"{_OPTIONS}:EventsOptions",
        "find when something changed in videos or a stream",
        run="dlh.commands.events:find_events",
    ),
    "explore": Command.taking(
        f"{_OPTIONS}:ExploreOptions",
        "look into a model and a video on a page on this machine",
        run="dlh.commands.explore:explore",
    ),
    "discover": Command.taking(
        f"{_OPTIONS}:DiscoverOptions",
        "learn from your videos when something changes in them, and find it (half an hour)",
        run="dlh.commands.discover:discover",
    ),
    "evaluate": Command.taking(
        f"{_OPTIONS}:EvaluateOptions",
        "score a model, or a file of predictions, beside trivial baselines",
        run="dlh.commands.evaluate:evaluate",
    ),
    "compare": Command.taking(
        f"{_OPTIONS}:CompareOptions",
        "show scores side by side, if they can be compared",
        run="dlh.commands.compare:compare",
    ),
    "analyse": Command.taking(
        f"{_OPTIONS}:AnalyseOptions",
        "analyse what each level of a model holds, foresees and predicts",
        run="dlh.commands.analyse:analyse",
    ),
    "data": Command.by(
        "dlh.cli.data:main", "prepare data sets, make clip stores of your videos, name clips"
    ),
    "completion": Command.taking(
        "dlh.cli.completion:CompletionOptions",
        "print a script that completes commands and options in a shell",
        run="dlh.cli.completion:completion",
    ),
    "info": Command.taking(
        "dlh.cli.info:InfoOptions",
        "print versions and hardware, for a bug report",
        run="dlh.cli.info:info",
    ),
}

HELP = """dlh: Dynamic Latent Hierarchy.
It learns from videos, without labels, when something changes and what comes next.

New here? These three come first:
  dlh demo                                             train on a bouncing ball, and see a report
  dlh train videos --data my_videos/ --run runs/mine   learn from your own videos
  dlh events runs/mine clip.mp4                        find when something changed in one

usage: dlh COMMAND [OPTIONS]        dlh COMMAND --help lists the options

{commands}

without training anything, with the model that comes along:
  dlh data clip moving-ball
  dlh events moving-ball clip.mp4
  dlh predict moving-ball clip.mp4 --horizon 100 --samples 8
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of ``dlh`` and return the exit status."""
    return guarded(_run, sys.argv[1:] if arguments is None else arguments)


def _run(words: list[str]) -> int:
    if words[:1] == ["--version"]:
        say(f"dlh {__version__}")
        return 0
    return run_one_of(COMMANDS, words, prog="dlh", usage=HELP)
