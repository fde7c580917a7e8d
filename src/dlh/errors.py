"""The root of this package's errors, and the two that any room may raise.

Every other error class stands beside what raises it.
"""

from __future__ import annotations


class DlhError(Exception):
    """An error with a message for the person who has to act on it: what was found, what was
    expected, what to do. The command line prints it as one line; any other exception is a bug.

    Attributes:
        code: a stable kebab-case name of the kind of error, for programs and tests. Messages may
            be reworded, codes stay. A ``raise`` can give a more precise one than its class.
        exit_status: of a command that ends with this error.
    """

    code: str = "error"
    exit_status: int = 1

    def __init__(self, *message: object, code: str | None = None) -> None:
        super().__init__(*message)
        if code is not None:
            self.code = code


class UsageError(DlhError, ValueError):
    """A request that cannot be met; the message says what can be asked. Nothing was done."""

    code = "usage"
    exit_status = 2


class OutputError(DlhError, RuntimeError):
    """A file that cannot be written where it was asked for."""

    code = "output"
