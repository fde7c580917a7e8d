"""Options from a dataclass: the one place that knows tyro."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TypeVar

Options = TypeVar("Options")


def parse(
    kind: type[Options], arguments: Sequence[str], *, prog: str, default: Options | None = None
) -> Options:
    """The options of a command; wrong ones print what is wrong, with a suggestion, and exit with status 2.

    Args:
        kind: a dataclass; its docstring is the first part of the help, its fields' docstrings are the options'.
        arguments: the words after the command.
        prog: the command, for the usage line.
        default: an instance whose values are the defaults.
    """
    import tyro

    description = inspect.getdoc(kind)
    if default is None:
        return tyro.cli(kind, prog=prog, description=description, args=list(arguments))
    return tyro.cli(
        kind, prog=prog, description=description, args=list(arguments), default=default
    )
