"""Commands as a person gives them; what is measured after a run is little."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from command_line import Answer, runner
from dlh.cli import main


@pytest.fixture(autouse=True, scope="session")
def measured_little(little_to_measure: None) -> None:
    pass


@pytest.fixture(autouse=True, scope="module")
def drawn_small() -> Generator[None]:
    import tiny_run

    with pytest.MonkeyPatch.context() as patch:
        tiny_run.draw_small(patch)
        yield


@pytest.fixture(autouse=True)
def heard_interrupts() -> Generator[None]:
    """Ctrl-C is heard, also where the tests run in the background and a shell has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def dlh(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs a command, in an empty current folder."""
    return runner(main, capsys)
