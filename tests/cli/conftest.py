"""One small finished run for all tests of this folder; what is measured is little."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

import tiny_run
from dlh.cli import main


@dataclass(frozen=True)
class Answer:
    """What a command gave: its exit status, and all it said."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on standard error of a command that failed."""
        assert self.status != 0 and self.err.startswith("dlh: "), (self.status, self.err)
        assert self.err.count("\n") == 1 and self.err.endswith("\n"), self.err
        return self.err


@pytest.fixture(autouse=True, scope="session")
def little_to_measure() -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        tiny_run.measure_little(patch)
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished demo, not to be changed."""
    return tiny_run.finished_demo(tmp_path_factory)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video file of 40 frames of a ball."""
    return tiny_run.ball_clip(tmp_path_factory)


@pytest.fixture(autouse=True)
def heard_interrupts() -> Generator[None]:
    """Ctrl-C is heard, also where the tests run in the background and a shell has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def dlh(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs a command, in an empty current folder."""

    def run(*words: object) -> Answer:
        capsys.readouterr()
        status = main([str(word) for word in words])
        said = capsys.readouterr()
        return Answer(status, said.out, said.err)

    return run
