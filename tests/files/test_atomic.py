from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from dlh.files.atomic import is_leftover, remove_leftovers, write_atomically
from training.dying_training import child_killed_while_writing, exit_code


def test_the_parts_are_written_one_after_the_other(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"one ", memoryview(b"two"))
    assert (tmp_path / "file").read_bytes() == b"one two"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"old")
    unwritable: Any = "text instead of bytes"
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "file", b"new", unwritable)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_kill_leaves_the_old_file_and_a_leftover_that_is_removed(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"old")
    assert exit_code(child_killed_while_writing, tmp_path / "file") == -signal.SIGKILL
    assert (tmp_path / "file").read_bytes() == b"old"
    (leftover,) = (path for path in tmp_path.iterdir() if path.name != "file")
    assert is_leftover(leftover)
    assert remove_leftovers(tmp_path) == [leftover]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_no_folder_holds_no_leftovers(tmp_path: Path) -> None:
    assert remove_leftovers(tmp_path / "missing") == []
