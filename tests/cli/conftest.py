"""Commands as a person gives them; what is measured after a run is little."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

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
def measured_little(little_to_measure: None) -> None:
    pass


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
