"""Commands in a table: the help that lists them, and the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dlh.cli.output import say
from dlh.errors import UsageError
from dlh.files.text_table import text_table

Command = tuple[str, Callable[[Sequence[str]], None]]
"""What it is for, in a line of the help; and what runs it, with the words behind its name."""


def asks_for_help(words: Sequence[str]) -> bool:
    """Whether nothing, or nothing but the help, was asked for."""
    return not words or words[0] in ("-h", "--help", "help")


def listed(about: Mapping[str, str]) -> str:
    """Names of commands and what each is for, in two columns."""
    return "\n".join(f"  {line}" for line in text_table(list(about.items())))


def run_one_of(
    commands: Mapping[str, Command], arguments: Sequence[str], *, prog: str, usage: str
) -> int:
    """Run the command that the first word names; the exit status.

    Args:
        commands: all there are, by name.
        arguments: the words after ``prog``.
        prog: the command that these are below, such as ``dlh data``.
        usage: its help, with ``{commands}`` where they are listed.

    Raises:
        UsageError: there is no command of that name; the message suggests one.
    """
    words = list(arguments)
    if asks_for_help(words):
        about = {name: what for name, (what, _) in commands.items()}
        say(usage.format(commands=listed(about)))
        return 0 if words else 2
    name, *rest = words
    if name not in commands:
        from dlh.settings import suggestion

        raise UsageError(f"there is no command {prog} {name}{suggestion(name, list(commands))}")
    _, run = commands[name]
    run(rest)
    return 0
