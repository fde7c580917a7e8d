"""What a command says: results on standard output; warnings and errors, a line each, beside it."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Generator
from typing import TextIO


def say(text: str) -> None:
    """Print a line of results at once, also into a pipe.

    Work goes on when nobody reads any more: ``dlh train tiny | head -1`` still trains.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        nobody_listens()


def complain(kind: str, text: str = "") -> None:
    """Print one line on standard error: ``dlh: error: what was found``."""
    message = " ".join(text.split())
    with contextlib.suppress(OSError):  # nobody reads that either
        print(f"dlh: {kind}: {message}" if message else f"dlh: {kind}", file=sys.stderr)


def nobody_listens() -> None:
    """Let everything that is said from now on, and what is still buffered, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextlib.contextmanager
def warnings_in_one_line() -> Generator[None]:
    """Within it a warning is a line for a person, without the place in the code it comes from."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        complain("warning", str(message))

    with warnings.catch_warnings():
        warnings.showwarning = show  # ty: ignore[invalid-assignment]
        yield
