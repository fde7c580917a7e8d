"""One builder at a time."""

from __future__ import annotations

import os
import signal
import subprocess

from data.refusals import refused
from data.small_store import build, child, names
from dlh.data.claim import claim


def test_the_second_builder_is_told_who_the_first_is(tmp_path):
    code = """
with claim(sys.argv[1], wait=False) as claimed:
    print("go", flush=True)
    sys.stdin.read()
"""
    process = child(code, tmp_path / "store", stdin=subprocess.PIPE)
    assert process.stdout.readline() == "go\n", process.stderr.read()
    with (
        refused(f"process {process.pid} ", code="already-running"),
        claim(tmp_path / "store", wait=False),
    ):
        pass
    os.kill(process.pid, signal.SIGKILL)  # a holder that dies in whatever way holds no longer
    process.wait()
    assert build(tmp_path / "store", [3]).videos
    assert names(tmp_path) == ["store"]


def test_a_builder_can_wait_for_the_other(tmp_path):
    code = """
with claim(sys.argv[1], wait=True) as claimed:
    print("go", flush=True)
    import time
    time.sleep(0.3)
    print(time.time(), flush=True)
"""
    first, second = (child(code, tmp_path / "store") for _ in range(2))
    outputs = [process.communicate()[0] for process in (first, second)]
    ends = sorted(float(output.split()[1]) for output in outputs)
    assert ends[1] - ends[0] > 0.28
    assert names(tmp_path) == []
