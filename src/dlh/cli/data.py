"""``dlh data``: data sets by name, videos into a clip store, and what can be done with one."""

from __future__ import annotations

from collections.abc import Sequence

from dlh.cli.running import Command, run_one_of

_OPTIONS = "dlh.commands.data_options"

COMMANDS = {
    "list": Command.taking(
        f"{_OPTIONS}:ListOptions",
        "list the data sets that have a name, and which are prepared",
        run="dlh.commands.data_sets:list_data",
    ),
    "prepare": Command.taking(
        f"{_OPTIONS}:PrepareOptions",
        "download a data set, or take the files you have, and make a store of it",
        run="dlh.commands.data_sets:prepare",
    ),
    "import": Command.taking(
        f"{_OPTIONS}:ImportOptions",
        "make a clip store of your videos",
        run="dlh.commands.data_store:import_videos",
    ),
    "verify": Command.taking(
        f"{_OPTIONS}:VerifyOptions",
        "compare a store with its index, or clips with their manifest",
        run="dlh.commands.data_manifests:verify",
    ),
    "inspect": Command.taking(
        f"{_OPTIONS}:InspectOptions",
        "show what is in a store: a table, a picture and a short film",
        run="dlh.commands.data_inspect:inspect",
    ),
    "manifest": Command.taking(
        "dlh.commands.manifest_options:ManifestOptions",
        "name the clips of an evaluation, so that others can use the same",
        run="dlh.commands.data_manifests:write_manifest",
    ),
    "clip": Command.taking(
        f"{_OPTIONS}:ClipOptions",
        "write a clip of a generated world as a film, to try a model on",
        run="dlh.commands.clip:write_clip",
    ),
}

USAGE = """usage: dlh data COMMAND [OPTIONS]        dlh data COMMAND --help lists the options

{commands}

examples:
  dlh data prepare kth
  dlh data import my_videos --out my_store --size 64 --fps 10
  dlh data verify my_store
  dlh data inspect my_store --out grid.png
  dlh data manifest my_store --context 30 --horizon 300 --clips 100"""


def main(arguments: Sequence[str]) -> int:
    """``dlh data``."""
    return run_one_of(COMMANDS, arguments, prog="dlh data", usage=USAGE)
