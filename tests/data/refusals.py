"""An error for the user: its class, its code, and the values that its message holds."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from dlh.data.clips import DataError


@contextmanager
def refused(*found: object, code: str = "data") -> Generator[pytest.ExceptionInfo[DataError]]:
    """The block ends in a DataError of this code whose message holds all these values."""
    with pytest.raises(DataError) as caught:
        yield caught
    assert caught.value.code == code
    for value in found:
        assert str(value) in str(caught.value)
