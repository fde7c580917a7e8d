"""The ``dlh`` command: finds the subcommand, and turns what went wrong into one line.

Nothing heavy is imported before a command is chosen, so that ``dlh --help`` answers at once.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence

from dlh.cli.commands import asks_for_help, listed
from dlh.cli.output import complain, nobody_listens, say, warnings_in_one_line
from dlh.cli.signals import stopped_like_ctrl_c
from dlh.errors import UsageError
from dlh.version import __version__

COMMANDS = {
    "demo": "train on a bouncing ball, watch it discover events, see its future (minutes)",
    "train": "train a preset, on generated clips or on your own videos",
    "runs": "the runs in a folder: status, step, best figure",
    "predict": "many futures of a video, as mp4, picture and arrays",
    "events": "when something changed in a video",
    "evaluate": "scores of a model, or of a file of predictions, beside what knows nothing",
    "compare": "several scores side by side, if they may be",
    "analyse": "what each level of a model holds, foresees and predicts, as the paper analyses it",
    "data": "data sets by name; your videos into a clip store; look at one, name its clips",
    "info": "versions and hardware, for a bug report",
}

HELP = """dlh: Dynamic Latent Hierarchy.
It watches video, learns what changes fast and what stays, and predicts far ahead.

usage: dlh COMMAND [OPTIONS]        dlh COMMAND --help says more

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
    if asks_for_help(words):
        say(HELP.format(commands=listed(COMMANDS)).rstrip())
        return 0 if words else 2
    if words[0] == "--version":
        say(f"dlh {__version__}")
        return 0
    name, *rest = words
    if name not in COMMANDS:
        from dlh.settings import suggestion

        raise UsageError(f"there is no command {name!r}{suggestion(name, list(COMMANDS))}")
    return importlib.import_module(f"dlh.cli.{name}").main(rest)
