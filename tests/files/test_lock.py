"""One process at a time."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dlh.errors import OutputError
from dlh.files.lock import Lock
from refusals import refused

HOLDS = """
import sys, time
from pathlib import Path
from dlh.errors import OutputError
from dlh.files.lock import Lock
lock = Lock(Path(sys.argv[1]), doing="a test", error=OutputError)
lock.acquire()
print("go", flush=True)
time.sleep(60)
"""


def lock_on(path: Path) -> Lock:
    return Lock(path, doing="a test", error=OutputError)


def test_a_holder_is_named_until_it_dies_however_it_dies(tmp_path):
    path = tmp_path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, path], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == "go\n"
        lock = lock_on(path)
        assert lock.is_held()
        with refused(OutputError, child.pid, code="already-running"):
            lock.acquire()
        assert path.read_text().startswith(f"process {child.pid} on ")
        os.kill(child.pid, signal.SIGKILL)
    assert not lock.is_held()
    lock.acquire(wait=True)
    assert path.read_text().startswith(f"process {os.getpid()} on ")
    lock.release()


def test_its_object_may_take_it_again_and_gives_it_back_once_for_each(tmp_path):
    lock, other = lock_on(tmp_path / ".lock"), lock_on(tmp_path / ".lock")
    lock.acquire()
    lock.acquire()
    lock.release()
    assert lock.is_held() and other.is_held()
    with pytest.raises(OutputError):
        other.acquire()
    lock.release()
    assert not lock.is_held() and not other.is_held()
    other.acquire()
    other.release()


def test_asking_keeps_nobody_out_and_needs_no_right_to_write(tmp_path):
    lock = lock_on(tmp_path / ".lock")
    assert not lock.is_held() and not lock.path.exists()
    lock.acquire()
    lock.path.chmod(0o444)
    assert lock_on(lock.path).is_held()
    lock.release()
    assert not lock_on(lock.path).is_held()


def test_who_only_asks_is_waited_for(tmp_path, monkeypatch):
    asking, lock = lock_on(tmp_path / ".lock"), lock_on(tmp_path / ".lock")
    asking.acquire()
    sleep = time.sleep

    def passes(seconds: float) -> None:
        asking.release()
        sleep(seconds)

    monkeypatch.setattr("time.sleep", passes)
    lock.acquire()
    lock.release()


def test_where_nothing_can_be_written_the_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with refused(OutputError, tmp_path / "file"):
        lock_on(tmp_path / "file" / ".lock").acquire()


def test_a_file_system_without_locks_is_worked_on_with_a_warning(tmp_path, monkeypatch):
    def no_locks(descriptor: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    lock = lock_on(tmp_path / ".lock")
    with pytest.warns(UserWarning, match="No locks available"):
        lock.acquire()
    assert not lock.is_held()
    lock.release()
