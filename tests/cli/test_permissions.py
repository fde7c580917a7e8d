"""Where one may not write, a command says so before it begins."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rights import give_up_rights, needs_rights_to_give_up


@needs_rights_to_give_up
def test_where_one_may_not_write_nothing_is_begun(dlh, finished, clip):
    Path("shut").mkdir()
    Path("shut/begun").mkdir()
    shutil.copy(finished / "experiment.json", "shut/begun")
    Path("shut/begun").chmod(0o555)
    Path("shut").chmod(0o555)
    try:
        for words, place in (
            (("train", "tiny", "--run", "shut/run"), "shut/run"),
            (("train", "--resume", "shut/begun"), "shut/begun"),
            (("predict", finished, clip, "--out", "shut/a.mp4"), "shut/a.mp4"),
            (("events", finished, clip, "--out", "shut/a.json"), "shut/a.json"),
        ):
            status, line = without_rights(dlh, words)
            assert status == 1 and line.startswith(
                ("dlh: error: cannot write", "dlh: error: cannot create")
            ), line
            assert place in line and line.count("\n") == 1
        assert [path.name for path in Path("shut").iterdir()] == ["begun"]
        assert [path.name for path in Path("shut/begun").iterdir()] == ["experiment.json"]
    finally:
        Path("shut").chmod(0o755)
        Path("shut/begun").chmod(0o755)


def without_rights(dlh, words) -> tuple[int, str]:
    """Status and standard error of a command in a child that may do as little as most people."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 70
        try:
            give_up_rights()
            answer = dlh(*words)
            os.write(writing, answer.err.encode())
            status = answer.status
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said
