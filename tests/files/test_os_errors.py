from __future__ import annotations

import errno
import os

import pytest

from dlh.errors import OutputError
from dlh.files.os_errors import explain, os_errors_as


def test_the_reason_is_the_systems_and_says_what_to_do_where_that_is_known():
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert explain(full).startswith(f"{os.strerror(errno.ENOSPC)}; free some space")
    assert explain(OSError(errno.EIO, "Input/output error")) == "Input/output error"
    assert explain(OSError("a library's own")) == "a library's own"


def test_an_error_of_the_system_becomes_the_asked_one_and_others_pass(tmp_path):
    with (
        pytest.raises(OutputError, match="a sentence: ") as raised,
        os_errors_as(OutputError, "a sentence"),
    ):
        (tmp_path / "none" / "file").write_text("")
    assert isinstance(raised.value.__cause__, FileNotFoundError)
    with pytest.raises(KeyError), os_errors_as(OutputError, "a sentence"):
        {}["key"]
