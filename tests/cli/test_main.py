from __future__ import annotations

import errno
import signal
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
import torch

import dlh as package
from dlh.cli import COMMANDS, info, main
from dlh.training.errors import Interrupted, NonFiniteError
from refusals import holds

ROOT = Path(__file__).parents[2]


def test_help_names_every_command_and_nothing_is_a_wrong_usage(dlh):
    asked = dlh("--help")
    assert asked.status == 0 and asked.err == ""
    assert all(f"  {command}" in asked.out for command in COMMANDS)
    assert max(map(len, asked.out.splitlines())) <= 100
    assert dlh().status == 2


def test_a_command_that_is_none_gets_a_suggestion(dlh):
    answer = dlh("trian", "tiny")
    assert answer.status == 2
    assert answer.names("trian train")


def test_the_version_is_that_of_the_package(dlh):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert dlh("--version").out == f"dlh {project['version']}\n"
    assert package.__version__ == project["version"]


def test_help_imports_nothing_heavy_and_python_m_dlh_is_dlh():
    code = (
        "import sys; from dlh.cli import COMMANDS, main\n"
        "for words in ([], *([command] for command in COMMANDS)):\n"
        "    try: assert main([*words, '--help']) == 0\n"
        "    finally: heavy = {'torch', 'numpy', 'av', 'matplotlib'} & set(sys.modules)\n"
        "    assert not heavy, (words, heavy)\n"
        "import dlh.__main__\n"
        "assert dlh.__main__.main is main\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(f"usage: dlh {command}" in done.stdout for command in COMMANDS)


def test_a_reader_that_has_read_enough_gets_no_traceback():
    command = [sys.executable, "-m", "dlh", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.close()  # before it has written anything
        assert child.stderr.read() == b""
    assert child.returncode == 0


def fails(error: BaseException):
    def facts():
        raise error

    return facts


def test_ctrl_c_is_one_line_and_status_130(dlh, monkeypatch):
    monkeypatch.setattr(info, "facts", fails(KeyboardInterrupt()))
    answer = dlh("info")
    assert (answer.status, answer.line) == (130, "dlh: interrupted\n")


def test_what_nobody_foresaw_shows_where_it_happened(dlh, monkeypatch):
    monkeypatch.setattr(info, "facts", fails(ValueError("some library's own")))
    answer = dlh("info")
    assert answer.status == 1
    assert "Traceback" in answer.err and "some library's own" in answer.err
    assert holds(answer.err, "dlh info")


def test_for_who_looks_for_a_bug_every_error_is_raised(workspace, monkeypatch):
    monkeypatch.setenv("DLH_DEBUG", "1")
    monkeypatch.setattr(info, "facts", fails(FileNotFoundError("here")))
    with pytest.raises(FileNotFoundError, match="here"):
        main(["info"])


@pytest.mark.parametrize(
    "error, said",
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/a"),
            "dlh: error: runs/a: No space left on device; free some space and try again\n",
        ),
        (MemoryError(), "dlh: error: out of memory (no more is there); ask for fewer samples"),
        (torch.OutOfMemoryError("CUDA: 2 GiB\nmore"), "dlh: error: out of memory (CUDA: 2 GiB);"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "dlh: error: out of memory"),
    ],
)
def test_what_the_machine_cannot_do_is_one_line(dlh, monkeypatch, error, said):
    monkeypatch.setattr(info, "facts", fails(error))
    answer = dlh("info")
    assert answer.status == 1 and answer.line.startswith(said)


@pytest.mark.parametrize("stop", ["", "."])
def test_the_notes_of_an_error_are_said_with_it(dlh, monkeypatch, stop):
    error = NonFiniteError(f"step 3: the loss is nan{stop}", step=3, term="loss")
    error.add_note("The state of step 2 is saved.")
    monkeypatch.setattr(info, "facts", fails(error))
    expected = "dlh: error: step 3: the loss is nan. The state of step 2 is saved.\n"
    assert dlh("info").line == expected


def test_the_notes_of_an_interruption_are_said_with_it(dlh, monkeypatch):
    stopped = Interrupted(folder=Path("runs/a"), step=7)
    stopped.add_note("runs/a/best is not written: No space left")
    monkeypatch.setattr(info, "facts", fails(stopped))
    assert dlh("info").line == (
        "dlh: interrupted: everything up to step 7 is saved; continue with "
        "`dlh train --resume runs/a`; runs/a/best is not written: No space left\n"
    )


def test_a_warning_is_one_line_without_its_place_in_the_code(dlh, monkeypatch):
    def facts():
        warnings.warn("the file\nis damaged", UserWarning, stacklevel=1)
        return {"a": "b"}

    before = warnings.showwarning
    monkeypatch.setattr(info, "facts", facts)
    answer = dlh("info")
    assert answer.status == 0 and answer.err == "dlh: warning: the file is damaged\n"
    assert warnings.showwarning is before


def test_info_says_what_a_bug_report_needs(dlh, monkeypatch):
    monkeypatch.setitem(info.EXTRAS, "no-such-package", "hdf5")
    answer = dlh("info")
    facts = dict(line.split(maxsplit=1) for line in answer.out.splitlines() if line)
    assert facts["dlh"] == package.__version__ and facts["python"].startswith("3.")
    assert facts["device"].split()[0] in ("cpu", "cuda")
    assert holds(answer.out, torch.__version__)
    assert "dlh[hdf5]" in facts["no-such-package"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_stop_is_like_ctrl_c(number, monkeypatch, capsys):
    before = signal.signal(number, signal.SIG_DFL)
    try:
        monkeypatch.setattr(info, "facts", lambda: signal.raise_signal(number))
        assert main(["info"]) == 130
        assert capsys.readouterr().err == "dlh: interrupted\n"
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_a_signal_that_is_ignored_or_handled_stays_so(monkeypatch):
    heard = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def facts() -> dict[str, str]:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)
        return {"a": "b"}

    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
        monkeypatch.setattr(info, "facts", facts)
        assert main(["info"]) == 0 and heard == [signal.SIGTERM]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize(
    "typed, found, absent",
    [
        ("ev", {"evaluate", "events"}, {"demo"}),
        ("train moving-b", {"moving-ball", "moving-ball-long"}, {"tiny"}),
        ("train tiny --num", {"--num-processes"}, set()),
        ("predict moving-ball clip.mp4 --hor", {"--horizon"}, set()),
        ("data im", {"import"}, {"demo"}),
        ("data import my_videos --siz", {"--size"}, {"import"}),
    ],
)
def test_bash_completes_what_the_commands_take(dlh, typed, found, absent):
    script = dlh("completion", "bash").out
    words = " ".join(f"'{word}'" for word in ("dlh", *typed.split()))
    code = (
        f"{script}\nCOMP_WORDS=({words}); COMP_CWORD={len(typed.split())}\n"
        '_dlh; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True)
    answers = set(done.stdout.split())
    assert done.stderr == "" and found <= answers and not absent & answers, answers
