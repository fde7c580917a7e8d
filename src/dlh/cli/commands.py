"""Commands in a table: the help that lists them, and running the one that was asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dlh.cli.output import say
from dlh.errors import UsageError
from dlh.files.text_table import text_table


class Command(NamedTuple):  # a dataclass would double the time of `dlh --help`
    """A command.

    Attributes:
        about: its line in the help.
        run: takes the words behind its name, and its whole name ("dlh predict"); returns the exit
            status, or None for 0.
    """

    about: str
    run: Callable[[list[str], str], int | None]

    @classmethod
    def taking(cls, options: str, about: str, *, run: str) -> Command:
        """A command that is one call: of a function, with its options and ``say``.

        Both are named "module:name" and imported when the command runs, so that no other command
        waits for them: the options before they are parsed, the function afterwards. What the
        function returns is for other callers.
        """

        def parse_and_run(words: list[str], prog: str) -> None:
            from dlh.cli.parse import parse

            given = parse(_load(options), words, prog=prog)
            _load(run)(given, say=say)

        return cls(about, parse_and_run)

    @classmethod
    def by(cls, main: str, about: str) -> Command:
        """A command that reads its words itself: a function, named "module:name"."""
        return cls(about, lambda words, prog: _load(main)(words))


def asks_for_help(words: Sequence[str]) -> bool:
    """Whether nothing, or nothing but the help, was asked for."""
    return not words or words[0] in ("-h", "--help", "help")


def listed(about: Mapping[str, str]) -> str:
    """Names and what each is for, in two columns."""
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
        UsageError: there is no command of that name (code "no-such-command"); the message suggests
            one.
    """
    words = list(arguments)
    if asks_for_help(words):
        about = {name: command.about for name, command in commands.items()}
        say(usage.format(commands=listed(about)).rstrip())
        return 0 if words else 2
    name, *rest = words
    if name not in commands:
        from dlh.settings import suggestion

        raise UsageError(
            f"there is no command {prog} {name}{suggestion(name, list(commands))}",
            code="no-such-command",
        )
    return commands[name].run(rest, f"{prog} {name}") or 0


def _load(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)
