"""How many files of the package take part in a request: how far a reader has to go to follow it.

    python benchmarks/files_in_a_request.py
    python benchmarks/files_in_a_request.py --only predict --list

A file takes part if one of its functions runs; what runs while a module is imported does not count.
The second column leaves out the rooms that are read for their own sake: models, networks,
distributions and training. Every request is made as a person makes it, through ``dlh.cli.main``, on
a small input in a temporary folder, and in one process, so that nothing of it goes unseen.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

import dlh
from dlh.cli import main as dlh_command

PACKAGE = Path(dlh.__file__).parent
APART = ("models", "networks", "distributions", "training")


@contextlib.contextmanager
def files_used() -> Generator[set[str]]:
    """The files below the package whose functions run in the block, relative to it."""
    found: set[str] = set()
    known: set[CodeType] = set()  # so that a function costs little but for its first call
    importing = threading.local()

    def seen(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event in ("call", "return") and code.co_name == "<module>":
            depth = getattr(importing, "depth", 0)
            importing.depth = max(0, depth + (1 if event == "call" else -1))
        elif event == "call" and code not in known and not getattr(importing, "depth", 0):
            known.add(code)
            path = Path(code.co_filename)
            if path.is_relative_to(PACKAGE):
                found.add(str(path.relative_to(PACKAGE)))

    threading.setprofile(seen)
    sys.setprofile(seen)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


REQUESTS = {
    "predict": "predict moving-ball clip.mp4 --horizon 20 --samples 2 --save futures.npz",
    "events": "events moving-ball clip.mp4",
    "evaluate --predictions": "evaluate --predictions futures.npz --num-processes 1",
    "evaluate": "evaluate moving-ball --horizon 10 --samples 2 --clips 2 --num-processes 1",
    "train tiny": "train tiny --run tiny --training.steps 20 --training.threads 1",
    "analyse": "analyse moving-ball --clips 2 --futures-clips 2 --horizon 20 --samples 2",
}
"""What is typed after ``dlh``."""


def run(typed: str) -> set[str]:
    """The files of one request; what it prints is kept back unless it fails."""
    printed = io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
        files_used() as found,
    ):
        warnings.simplefilter("ignore")
        status = dlh_command(typed.split())
    if status:
        raise SystemExit(f"dlh {typed} failed:\n{printed.getvalue()}")
    return found


def counts(only: str | None) -> Iterator[tuple[str, set[str], set[str]]]:
    """Name, all files and those outside of APART, request by request."""
    run("data clip moving-ball --frames 60 --out clip.mp4")
    shown = np.zeros((1, 4, 16, 16, 3), np.float32)
    np.savez("futures.npz", truth=shown, samples=shown[:, None])
    for name, typed in REQUESTS.items():
        if only in (None, name):
            found = run(typed)
            yield name, found, {path for path in found if Path(path).parts[0] not in APART}


def main(arguments: list[str] | None = None) -> None:
    """Make the requests, count and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=list(REQUESTS), help="this request alone")
    parser.add_argument("--list", action="store_true", help="the files too")
    parser.add_argument("--json", type=Path, help="write the files of every request here")
    options = parser.parse_args(arguments)
    place = options.json and options.json.absolute()
    found = {}
    print(f"{'request':<24}{'files':>6}{'outside':>9}")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name, used, outside in counts(options.only):
            print(f"{name:<24}{len(used):>6}{len(outside):>9}", flush=True)
            found[name] = sorted(used)
            for path in sorted(used) if options.list else ():
                print(f"    {path}{'' if path in outside else '  (apart)'}")
    if place:
        place.write_text(json.dumps(found, indent=1) + os.linesep)


if __name__ == "__main__":
    main()
