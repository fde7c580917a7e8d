"""Run a command from a table; print results, warnings, errors and interruptions as lines.

Results go to standard output; a warning or an error is one line beside it, and only a bug has a
traceback. Nothing heavy is imported before a command is chosen, so that ``dlh --help`` answers at
once.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from dlh.errors import DlhError, UsageError
from dlh.files.text_table import text_table

if TYPE_CHECKING:
    from dlh.training.errors import Interrupted

_STOP_SIGNALS = ("SIGTERM", "SIGHUP")


class Command(NamedTuple):  # a dataclass would double the time of `dlh --help`
    """A command.

    Attributes:
        about: its line in the help.
        run: takes the words behind its name, and its whole name ("dlh predict"); returns the exit
            status, or None for 0.
        options: gives the dataclass of its options; None of a command that reads its words itself.
    """

    about: str
    run: Callable[[list[str], str], int | None]
    options: Callable[[], type | None] = lambda: None

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

        return cls(about, parse_and_run, lambda: _load(options))

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


def guarded(run: Callable[[list[str]], int], arguments: Sequence[str]) -> int:
    """Run a command line and return its exit status; an error becomes one line.

    0: done; 1: failed; 2: asked wrongly; 130: stopped by Ctrl-C or a signal like it.
    """
    _print_any_name()
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
        return explain(error)


def _print_any_name() -> None:
    """Show the bytes of a file's name that are no text as escapes, instead of failing at them."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


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
    """Discard everything printed from now on, and what is still buffered."""
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


@contextlib.contextmanager
def stopped_like_ctrl_c() -> Generator[None]:
    """Within it SIGTERM (a scheduler, a shutdown) and SIGHUP (a closed terminal) are what Ctrl-C
    is: a KeyboardInterrupt, so that a command says what it kept and ends what it started.

    Who handles them already, or ignores them (``nohup``), goes on doing so; outside the main
    thread, where Python allows no handlers, nothing is changed.
    """
    changed = []
    if threading.current_thread() is threading.main_thread():
        for name in _STOP_SIGNALS:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, signal.default_int_handler)
                changed.append(number)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


def explain(error: Exception) -> int:
    """Print the error; return the exit status."""
    from dlh.training.errors import Interrupted

    if isinstance(error, Interrupted):
        import shlex

        resume = f"`dlh train --resume {shlex.quote(str(error.folder))}`"
        complain_interrupted(error, f"continue with {resume}")
        return error.exit_status
    if isinstance(error, DlhError | OSError):
        notes = getattr(error, "__notes__", [])
        *before, last = [_message(error), *notes]
        complain("error", " ".join([*(f"{part.rstrip('.')}." for part in before), last]))
        return error.exit_status if isinstance(error, DlhError) else 1
    from dlh.training.memory import is_out_of_memory

    if is_out_of_memory(error):
        found = str(error).splitlines()[0] if str(error) else "no more is there"
        complain(
            "error",
            f"out of memory ({found}); ask for fewer samples or a shorter horizon, or train with a "
            "smaller --training.batch-size or --training.clip-length",
        )
        return 1
    import traceback

    traceback.print_exception(error)
    complain("error", "this is a bug; please report it with the output of `dlh info`")
    return 1


def complain_interrupted(error: Interrupted, advice: str, where: str = "") -> None:
    """Print what is saved of a training that was stopped, and how to go on."""
    saved = f"everything up to step {error.step}{where} is saved"
    complain("interrupted", "; ".join([saved, advice, *getattr(error, "__notes__", [])]))


def _message(error: Exception) -> str:
    from dlh.files.writing import explain as reason

    if isinstance(error, OSError) and error.errno is not None:
        return f"{error.filename}: {reason(error)}" if error.filename else reason(error)
    return str(error)


def _load(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)
