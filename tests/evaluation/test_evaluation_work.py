"""The processes of an evaluation end with the command, however that ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

KILLED = """
import multiprocessing, os, signal
from concurrent.futures import ProcessPoolExecutor
from dlh.evaluation.work import _begin

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_begin)
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def is_running(process: int) -> bool:
    """Whether it is there and no zombie, which nobody may have asked about yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux who is there")
def test_a_process_of_an_evaluation_ends_when_the_command_is_killed(workspace):
    Path("killed.py").write_text(KILLED)
    done = subprocess.run([sys.executable, "killed.py"], stdout=subprocess.PIPE, check=False)
    worker = int(done.stdout)
    assert done.returncode < 0 and worker != os.getpid()
    for _ in range(100):
        if not is_running(worker):
            return
        time.sleep(0.1)
    raise AssertionError(f"process {worker} waits for a command that is gone")
