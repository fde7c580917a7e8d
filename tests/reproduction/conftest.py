"""Commands of the reproduction as a person gives them; what is measured after a run is little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import dlh.cli
from command_line import Answer, runner
from reproduction.__main__ import main


@pytest.fixture(autouse=True, scope="session")
def measured_little(little_to_measure: None) -> None:
    pass


@pytest.fixture
def reproduce(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs ``python -m reproduction``, in an empty current folder."""
    return runner(main, capsys)


@pytest.fixture
def dlh_command(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs ``dlh``, in the same folder."""
    return runner(dlh.cli.main, capsys)
