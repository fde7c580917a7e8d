"""The best model of a run, which is there whatever ends the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dlh import DLH
from dlh.commands.train import resume, start
from dlh.data.worlds.moving_ball import MovingBall
from dlh.pretrained import PretrainedError
from dlh.pretrained.files import holds_model
from dlh.runs import presets, trained
from dlh.runs.experiment import Experiment
from dlh.runs.unfinished import UnfinishedRunWarning
from dlh.training.checkpoint import read_checkpoint
from dlh.training.errors import Interrupted, TrainingError
from dlh.training.run import RunFolder
from refusals import holds, refused


def tiny() -> Experiment:
    experiment = presets.preset("tiny")
    settings = {"steps": 4, "validate_every": 2, "checkpoint_every": 2, "log_every": 1, "starts": 1}
    return replace(experiment, training=replace(experiment.training, **settings))


def quiet(line: str) -> None:
    pass


def fails_with(error: BaseException) -> Callable[..., None]:
    def function(*arguments: object, **named: object) -> None:
        raise error

    return function


@pytest.fixture
def dies_at_3(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes the clips of the third step end a training in an error, after a validation."""
    batch = MovingBall.batch

    def prepare(error: BaseException) -> None:
        def dies(self: MovingBall, step: int, **options: int) -> object:
            if step == 2:
                raise error
            return batch(self, step, **options)

        monkeypatch.setattr(MovingBall, "batch", dies)

    return prepare


@pytest.mark.parametrize(
    "error, raised, state",
    [
        (TrainingError("the loss of step 3 is not finite"), TrainingError, "failed"),
        (RuntimeError("some library's own"), RuntimeError, "failed"),
        (KeyboardInterrupt(), Interrupted, "interrupted"),
    ],
)
def test_a_run_that_died_leaves_its_best_model_and_no_finished_one(
    tmp_path: Path, dies_at_3, error: BaseException, raised: type[Exception], state: str
) -> None:
    dies_at_3(error)
    with pytest.raises(raised):
        start(tiny(), tmp_path / "run", say=quiet)
    best = DLH.from_pretrained(tmp_path / "run/best").model.state_dict()
    expected = read_checkpoint(tmp_path / "run/checkpoints/best.pt")["model"]
    assert best.keys() == expected.keys()
    assert all(torch.equal(best[name], expected[name]) for name in best)
    assert RunFolder(tmp_path / "run").status().state == state
    assert not holds_model(tmp_path / "run")
    with pytest.warns(UnfinishedRunWarning) as warned:
        opened = trained.open_trained(str(tmp_path / "run"))
    assert holds(str(warned[0].message), tmp_path / "run", "step 2", "dlh train --resume")
    assert all(
        torch.equal(value, expected[name]) for name, value in opened.model.state_dict().items()
    )
    assert opened.trained_on.low < opened.trained_on.high


@pytest.mark.parametrize(
    "second, said",
    [
        (PretrainedError("cannot write a model: No space left"), "No space left"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_a_second_failure_does_not_hide_the_first(
    tmp_path: Path, dies_at_3, monkeypatch, second: BaseException, said: str
) -> None:
    dies_at_3(TrainingError("the loss of step 3 is not finite"))
    monkeypatch.setattr(trained, "write_model", fails_with(second))
    with refused(TrainingError) as raised:
        start(tiny(), tmp_path / "run", say=quiet)
    assert holds(raised.value.__notes__[-1], tmp_path / "run/best", said)
    assert not (tmp_path / "run/best").exists()


@pytest.mark.usefixtures("not_shown")
def test_where_the_finished_model_is_the_best_one_is(tmp_path: Path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(trained, "write_model", fails_with(PretrainedError("No space left")))
        with refused(PretrainedError):
            start(tiny(), tmp_path / "run", say=quiet)
    assert not holds_model(tmp_path / "run")
    resume(tmp_path / "run", say=quiet)
    assert holds_model(tmp_path / "run") and holds_model(tmp_path / "run/best")
