"""Write docs/reference.md: the help of every command, as the program prints it.

python docs/make_reference.py
"""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from pathlib import Path

from dlh.cli import COMMANDS, main
from dlh.cli.data import COMMANDS as DATA_COMMANDS

WIDTH = "100"
PAGE = Path(__file__).with_name("reference.md")
HEAD = """# Reference of options

Made by `python docs/make_reference.py` from the program's own help.
[commands.md](commands.md) has examples, and the files that the commands write.
"""
BOX = "│╭╰╮╯─"


def reference() -> str:
    """The page.

    Raises:
        RuntimeError: a command has no help.
    """
    parts = [HEAD]
    for words in requests():
        parts.append(f"\n## dlh {' '.join(words)}\n\n```text\n{help_of(words)}\n```\n")
    return "".join(parts)


def requests() -> list[tuple[str, ...]]:
    """The words before ``--help``, in the order of the page."""
    found: list[tuple[str, ...]] = []
    for command in COMMANDS:
        found.append((command,))
        if command == "train":
            found.append((command, "moving-ball"))
        if command == "data":
            found += [(command, name) for name in DATA_COMMANDS]
    return found


def help_of(words: tuple[str, ...]) -> str:
    """What a command prints for ``--help`` on 100 columns, without the lines of boxes.

    Raises:
        RuntimeError: it prints no help.
    """
    printed = io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = WIDTH
    try:
        with redirect_stdout(printed):
            status = main([*words, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    if status:
        raise RuntimeError(f"dlh {' '.join(words)} --help has status {status}, expected 0")
    lines = [line.strip(BOX).rstrip() for line in printed.getvalue().splitlines()]
    return "\n".join(line for line in lines if not line or line.strip(" -─")).strip()


if __name__ == "__main__":
    PAGE.write_text(reference(), "utf-8")
