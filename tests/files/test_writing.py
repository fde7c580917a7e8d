from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dlh.errors import OutputError, UsageError
from dlh.files.writing import (
    check_with_picture,
    check_writable,
    explain,
    is_leftover,
    make_folder,
    os_errors_as,
    put_in_place,
    remove_leftovers,
    replacing,
    write_atomically,
    write_bytes,
)
from refusals import refused

DIES = """
import os, signal, sys
from pathlib import Path
from dlh.files.writing import write_atomically
os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
write_atomically(Path(sys.argv[1]), b"new")
"""


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
    died = subprocess.run([sys.executable, "-c", DIES, tmp_path / "file"])
    assert died.returncode == -signal.SIGKILL
    assert (tmp_path / "file").read_bytes() == b"old"
    (leftover,) = (path for path in tmp_path.iterdir() if path.name != "file")
    assert is_leftover(leftover)
    assert remove_leftovers(tmp_path) == [leftover]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_no_folder_holds_no_leftovers(tmp_path: Path) -> None:
    assert remove_leftovers(tmp_path / "missing") == []


def test_somebody_elses_temporary_files_are_no_leftovers(tmp_path: Path) -> None:
    for name in ("mine.tmp", ".hidden", ".file.7.tmp"):
        (tmp_path / name).touch()
    assert remove_leftovers(tmp_path) == [tmp_path / ".file.7.tmp"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "mine.tmp"]


def test_the_content_reaches_the_disk_before_the_name_and_the_name_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    replace, fsync = os.replace, os.fsync

    def synced(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        done.append("folder" if is_folder else "content")
        fsync(descriptor)

    def replaced(*names: Path) -> None:
        done.append("name")
        replace(*names)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_atomically(tmp_path / "file", b"new")
    assert done == ["content", "name", "folder"]


def test_a_block_writes_under_another_name_which_a_left_over_does_not_share(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    leftover = tmp_path / f".file.{os.getpid()}.tmp"
    os.link(tmp_path / "old", leftover)  # of a killed process of the same number
    with replacing(tmp_path / "file") as temporary:
        assert is_leftover(temporary) and temporary.parent == tmp_path
        temporary.write_bytes(b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / "old").read_bytes() == b"old" and not leftover.exists()


def test_an_error_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"old")
    block = replacing(tmp_path / "file")
    block.__enter__().write_bytes(b"half")
    assert not block.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_finished_folder_takes_its_name_unless_one_with_files_has_it(tmp_path: Path) -> None:
    for name in ("made", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    with pytest.raises(OSError, match=r"\[Errno") as raised:
        put_in_place(tmp_path / "made", tmp_path / "there")
    assert raised.value.errno in (errno.ENOTEMPTY, errno.EEXIST)
    assert (tmp_path / "there" / "there").exists()
    put_in_place(tmp_path / "made", tmp_path / "store")
    assert (tmp_path / "store" / "made").exists() and not (tmp_path / "made").exists()


def test_the_reason_is_the_systems_and_says_what_to_do_where_that_is_known():
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert explain(full).startswith(f"{os.strerror(errno.ENOSPC)}; free some space")
    assert explain(OSError(errno.EIO, "Input/output error")) == "Input/output error"
    assert explain(OSError("a library's own")) == "a library's own"


def test_an_error_of_the_system_becomes_the_asked_one_and_others_pass(tmp_path):
    with (
        refused(OutputError, "a sentence") as raised,
        os_errors_as(OutputError, "a sentence"),
    ):
        (tmp_path / "none" / "file").write_text("")
    assert isinstance(raised.value.__cause__, FileNotFoundError)
    with pytest.raises(KeyError), os_errors_as(OutputError, "a sentence"):
        {}["key"]


def test_what_could_not_be_written_is_found_before_the_work(tmp_path):
    check_writable(tmp_path / "new" / "folder" / "a.mp4", ".mp4")
    check_writable(tmp_path / "A.MP4", ".mp4")
    assert not (tmp_path / "A.MP4").exists() and not any((tmp_path / "new/folder").iterdir())
    (tmp_path / "a.npz").mkdir()
    for wrong, suffix in ((tmp_path / "a", ".mp4"), (tmp_path / "a.npz", ".npz")):
        with refused(UsageError, wrong):
            check_writable(wrong, suffix)
    (tmp_path / "b.png").mkdir()
    with refused(UsageError, tmp_path / "b.png"):
        check_with_picture(tmp_path / "b.json", ".json")
    (tmp_path / "file").touch()
    with refused(OutputError, tmp_path / "file/a.mp4"):
        check_writable(tmp_path / "file" / "a.mp4", ".mp4")
    with refused(OutputError, tmp_path / "file"):
        make_folder(tmp_path / "file")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    write_bytes(path, b"content")
    assert path.read_bytes() == b"content"
    with refused(OutputError, tmp_path / "nowhere/a.json"):
        write_bytes(Path(tmp_path / "nowhere" / "a.json"), b"content")
