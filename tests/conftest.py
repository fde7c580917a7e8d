"""What holds in every test: one thread, no network, signals, a cache of its own, shapes."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

# Before torch is imported, here or in a child process. On a busy machine one thread is many times
# faster than two.
os.environ.update(
    OMP_NUM_THREADS="1",
    MKL_NUM_THREADS="1",
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    MPLBACKEND="Agg",
)

import hypothesis
import pytest
import torch
from jaxtyping import install_import_hook

import first_calls

torch.set_num_threads(1)

hypothesis.settings.register_profile("dlh", deadline=None, max_examples=25)
hypothesis.settings.register_profile(
    "dlh-ci", parent=hypothesis.settings.get_profile("dlh"), derandomize=True, database=None
)
hypothesis.settings.load_profile("dlh-ci" if os.environ.get("CI") else "dlh")

# Whoever starts the tests in the background (nohup, a script's &) has them ignore these, and every
# process that they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

PACKAGE = Path(__file__).parents[1] / "src" / "dlh"


def modules_with_shapes() -> list[str]:
    """The modules of the package whose annotations name shapes."""
    sources = [path for path in PACKAGE.rglob("*.py") if "jaxtyping" in path.read_text("utf-8")]
    return [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in sources]


# Only these: elsewhere the check would answer, in its own words, before the error that a test wants
# to read.
if os.environ.get("DLH_TYPECHECK", "1") != "0":
    install_import_hook(modules_with_shapes(), "first_calls.checked")


def pytest_runtest_setup() -> None:
    """The shapes of every test are checked, whatever ran before it."""
    first_calls.check_again()


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or writes the cache of the person who runs it."""
    os.environ["DLH_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with a cache of its own; child processes inherit both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLH_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture(scope="session")
def little_to_measure() -> Generator[None]:
    """What is measured after a run is little, in every test of a folder that asks for this."""
    import tiny_run  # imports the package, whose shapes are checked only from here on

    with pytest.MonkeyPatch.context() as patch:
        tiny_run.measure_little(patch)
        yield


@pytest.fixture
def not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run ends where its model is written: figures, film and page are most of a short one."""
    monkeypatch.setattr("dlh.commands.train._present", lambda trained, say: None)


@pytest.fixture(scope="session")
def finished(little_to_measure: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished demo, not to be changed."""
    import tiny_run

    return tiny_run.finished_demo(tmp_path_factory)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video file of 40 frames of a ball."""
    import tiny_run

    return tiny_run.ball_clip(tmp_path_factory)
