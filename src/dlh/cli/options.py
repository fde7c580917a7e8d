"""Options from a dataclass: the one place that knows tyro."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from dlh.errors import UsageError

Options = TypeVar("Options")


def parse(
    kind: type[Options], arguments: Sequence[str], *, prog: str, default: Options | None = None
) -> Options:
    """The options of a command.

    Args:
        kind: a dataclass; its docstring is the first part of the help, its fields' docstrings are
            the options'.
        arguments: the words after the command.
        prog: the command, for the usage line.
        default: an instance whose values are the defaults.

    Raises:
        UsageError: they are not understood; the message suggests what was perhaps meant.
        SystemExit: the help was asked for, and printed.
    """
    import tyro

    more: dict[str, Any] = {} if default is None else {"default": default}
    description, said = inspect.getdoc(kind), io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(kind, prog=prog, description=description, args=list(arguments), **more)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UsageError(f"{_one_line(said.getvalue())}; see {prog} --help") from None


def _one_line(message: str) -> str:
    """What went wrong, and the options that are alike, out of what tyro draws.

    That is a title, and blocks of text between rules; in a box where the terminal can show one.
    """
    boxed = "╭" in message
    blocks: list[list[str]] = [[]]
    for line in re.sub(r"\x1b\[[\d;]*m", "", message).splitlines():
        text = line.strip("│ ")
        if text.startswith(("╭", "╰")) or not text:
            continue
        if not text.strip("─-"):
            blocks.append([])
        else:
            blocks[-1].append(text)
    problem, *others = blocks if boxed else blocks[1:]
    alike = [
        line.split()[0].rstrip(",")
        for block in others
        if block and block[0].startswith(("Perhaps you meant", "Arguments similar to"))
        for line in block
        if line.startswith("--")
    ]
    hint = f"; did you mean {' or '.join(alike[:3])}?" if alike else ""
    return _of_the_type(" ".join(problem)).rstrip(". ") + hint


def _of_the_type(problem: str) -> str:
    """What was expected and found, where tyro lists every type of an option that may be left out
    and what each makes of the value.
    """
    found = re.match(
        r"(?P<option>.*?: )no type matching \{None\}\|(?P<kind>.+?) could be instantiated from "
        r"\[(?P<words>.*?)\]\. +Got errors: ",
        problem,
    )
    if found is None:
        return problem
    return f"{found['option']}expected {found['kind']}, found {found['words']}"
