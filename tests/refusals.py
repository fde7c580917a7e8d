"""What a test asks of an error or of what a command prints: class, code and values, no wording."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from dlh.errors import DlhError


def holds(text: str, *values: object) -> bool:
    """Whether one line of a text has each of these values, as a whole word or number."""
    return any(all(_has(line, str(value)) for value in values) for line in text.splitlines())


def _has(line: str, value: str) -> bool:
    before = r"(?<![\w-])" if value[:1].isalnum() else ""
    after = r"(?!\w)" if value[-1:].isalnum() else ""
    return re.search(before + re.escape(value) + after, line) is not None


@contextmanager
def refused(
    kind: type[BaseException], *values: object, code: str | None = None
) -> Generator[pytest.ExceptionInfo]:
    """Expect an error of this class whose message holds these values, however it is worded.

    Args:
        kind: the class.
        values: what was found, where, what was expected.
        code: of a ``DlhError``, where it is another than its class has.
    """
    with pytest.raises(kind) as raised:
        yield raised
    error = raised.value
    message = " ".join(str(error).splitlines())
    assert not values or holds(message, *values), (message, values)
    if code is not None or issubclass(kind, DlhError):
        assert isinstance(error, DlhError) and error.code == (code or kind.code), error
