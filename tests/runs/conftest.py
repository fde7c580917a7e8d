"""What is measured after a run is little in all tests of this folder."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def measured_little(little_to_measure: None) -> None:
    pass


@pytest.fixture(autouse=True)
def drawn_small(monkeypatch: pytest.MonkeyPatch) -> None:
    import tiny_run

    tiny_run.draw_small(monkeypatch)
