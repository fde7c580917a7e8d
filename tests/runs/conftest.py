"""What is measured after a run is little in all tests of this folder, or nothing at all."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def measured_little(little_to_measure: None) -> None:
    pass


@pytest.fixture
def not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run ends where its model is written, without figures, film and page."""
    monkeypatch.setattr("dlh.commands.train._present", lambda trained, say: None)
