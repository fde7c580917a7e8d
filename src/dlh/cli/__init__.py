"""The ``dlh`` command: finds the subcommand, and turns what went wrong into one line.

Nothing heavy is imported before a command is chosen, so that ``dlh --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from dlh.cli.commands import Command, run_one_of
from dlh.cli.output import complain, nobody_listens, say, warnings_in_one_line
from dlh.cli.signals import stopped_like_ctrl_c
from dlh.version import __version__

_OPTIONS = "dlh.commands.options"

COMMANDS = {
    "demo": Command.taking(
        f"{_OPTIONS}:DemoOptions",
        "train on a bouncing ball, watch it discover events, see its future (minutes)",
        run="dlh.commands.demo:demo",
    ),
    "train": Command.by("dlh.cli.train:main", "train a preset, on generated clips or your videos"),
    "runs": Command.taking(
        f"{_OPTIONS}:RunsOptions",
        "the runs in a folder: status, step, best figure",
        run="dlh.commands.runs:list_runs",
    ),
    "predict": Command.taking(
        f"{_OPTIONS}:PredictOptions",
        "many futures of a video, as mp4, picture and arrays",
        run="dlh.commands.predict:predict_file",
    ),
    "events": Command.taking(
        f"{_OPTIONS}:EventsOptions",
        "when something changed in a video",
        run="dlh.commands.events:events_of_file",
    ),
    "evaluate": Command.taking(
        f"{_OPTIONS}:EvaluateOptions",
        "scores of a model, or of a file of predictions, beside trivial baselines",
        run="dlh.commands.evaluate:evaluate",
    ),
    "compare": Command.taking(
        f"{_OPTIONS}:CompareOptions",
        "scores side by side, if they can be compared",
        run="dlh.commands.compare:compare",
    ),
    "analyse": Command.taking(
        f"{_OPTIONS}:AnalyseOptions",
        "what each level of a model holds, foresees and predicts: the paper's analysis",
        run="dlh.commands.analyse:analyse",
    ),
    "data": Command.by(
        "dlh.cli.data:main", "data sets by name; clip stores of your videos; named clips"
    ),
    "info": Command.taking(
        "dlh.cli.info:InfoOptions",
        "versions and hardware, for a bug report",
        run="dlh.cli.info:info",
    ),
}

HELP = """dlh: Dynamic Latent Hierarchy.
It watches video, learns what changes fast and what stays, and predicts far ahead.

usage: dlh COMMAND [OPTIONS]        dlh COMMAND --help lists the options

{commands}

examples:
  dlh demo
  dlh train videos --data my_videos/ --run runs/mine
  dlh predict runs/mine clip.mp4 --horizon 300 --samples 8
  dlh events runs/mine clip.mp4
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of ``dlh`` and return the exit status."""
    return guarded(_run, sys.argv[1:] if arguments is None else arguments)


def guarded(run: Callable[[list[str]], int], arguments: Sequence[str]) -> int:
    """Run a command line and return its exit status; an error becomes one line.

    0: done; 1: failed; 2: asked wrongly; 130: stopped by Ctrl-C or a signal like it.
    """
    try:
        with warnings_in_one_line(), stopped_like_ctrl_c():
            status = run(list(arguments))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # who was reading, `head` for example, has read enough
        nobody_listens()
        return 0
    except SystemExit as stop:  # the option parser's own
        return stop.code if isinstance(stop.code, int) else 2
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except Exception as error:
        if os.environ.get("DLH_DEBUG"):
            raise
        from dlh.cli.errors import explain

        return explain(error)


def _run(words: list[str]) -> int:
    if words[:1] == ["--version"]:
        say(f"dlh {__version__}")
        return 0
    return run_one_of(COMMANDS, words, prog="dlh", usage=HELP)
