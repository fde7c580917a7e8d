"""Where one may not write, a command says so before it begins."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def test_where_one_may_not_write_nothing_is_begun(dlh, finished, clip, tmp_path):
    for above in (tmp_path, *tmp_path.parents[:3], finished, *finished.parents[:3], clip.parent):
        above.chmod(above.stat().st_mode | 0o755)
    Path("shut").mkdir(mode=0o555)
    Path("shut").chmod(0o555)
    Path("shut/begun").mkdir()
    shutil.copy(finished / "experiment.json", "shut/begun")
    dlh("predict", finished, clip, "--horizon", 1, "--out", "a.mp4")  # imports all there is
    for words, said in (
        (("train", "tiny", "--run", "shut/run"), "cannot write in "),
        (("train", "--resume", "shut/begun"), "cannot write in shut/begun: Permission denied; ch"),
        (("predict", finished, clip, "--out", "shut/a.mp4"), "cannot write shut/a.mp4: Permission"),
        (("events", finished, clip, "--out", "shut/a.json"), "cannot write shut/a.json: Permiss"),
    ):
        status, line = as_an_unprivileged_user(dlh, words)
        assert status == 1 and line.startswith(f"dlh: error: {said}"), line
        assert line.count("\n") == 1
    assert [path.name for path in Path("shut").iterdir()] == ["begun"]


def as_an_unprivileged_user(dlh, words) -> tuple[int, str]:
    """Status and standard error of a command in a child that may do as little as most people."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        answer = dlh(*words)
        os.write(writing, answer.err.encode())
        os._exit(answer.status)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said
