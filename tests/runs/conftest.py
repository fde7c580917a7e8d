"""What is measured after a run is little in all tests of this folder."""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.fixture(autouse=True, scope="session")
def measured_little(little_to_measure: None) -> None:
    pass


@pytest.fixture(autouse=True, scope="module")
def drawn_small() -> Generator[None]:
    import tiny_run

    with pytest.MonkeyPatch.context() as patch:
        tiny_run.draw_small(patch)
        yield
