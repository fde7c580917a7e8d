"""One small finished run for all tests of this folder; what is measured is little."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

import tiny_run


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
