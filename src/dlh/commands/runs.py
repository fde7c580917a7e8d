"""The runs in a folder, as a table or for programs."""

from __future__ import annotations

import time
from dataclasses import asdict

from dlh.commands.options import RunsOptions
from dlh.errors import UsageError
from dlh.files.writing import Say, strict_json
from dlh.runs.listing import as_table, describe_run, find_runs


def list_runs(options: RunsOptions, *, say: Say = print) -> None:
    """Print the runs in a folder, or the folder itself if it is a run.

    Raises:
        UsageError: there is no such folder.
    """
    folder = options.folder
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; name the one that holds your runs")
    lines = [describe_run(path) for path in find_runs(folder)]
    if options.json:
        best = {line.run: line.best.to_plain() if line.best else None for line in lines}
        plain = [asdict(line) | {"best": best[line.run]} for line in lines]
        say(strict_json(plain, indent=2))
    elif not lines:
        say(f"there are no runs in {folder}")
    else:
        for text in as_table(lines, now=time.time()):
            say(text)
