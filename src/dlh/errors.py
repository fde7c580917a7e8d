"""What a command refuses, whatever it was asked to do."""

from __future__ import annotations


class UsageError(ValueError):
    """Something was asked for that cannot be; the message says what can. Nothing was done."""


class OutputError(RuntimeError):
    """A file that cannot be written where it was asked for."""
