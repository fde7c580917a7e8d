from __future__ import annotations

import pytest

from dlh.training.run import RunFolder
from training.tiny_training import new_run, train_tiny


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that nothing ever happened to."""
    run = new_run(tmp_path_factory.mktemp("unbroken") / "run")
    train_tiny(run)
    return run
