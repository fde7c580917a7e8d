"""What can be read off predicted frames of a world whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from dlh.data.published.catalogue import MOVING_MNIST
from dlh.data.worlds.by_name import WORLDS
from dlh.data.worlds.moving_mnist import MovingMNIST
from dlh.errors import UsageError
from dlh.evaluation.protocol import Protocol as ScoreProtocol
from dlh.evaluation.scoring import FutureReader
from dlh.runs.experiment import DataConfig
from dlh.runs.subject import Subject
from reproduction.ball import BallInFutures
from reproduction.digits import DigitsInFutures

CLASSIFIER = "digit-classifier"
"""The file of the classifier of digits, without its ending."""


class Reading(FutureReader, Protocol):
    """Reads the futures of a model frame by frame while they are scored."""

    def observer(self, subject: Subject, protocol: ScoreProtocol) -> dict[str, Any] | None:
        """The same of an ideal observer; None where there is none."""
        ...


def one_world(subjects: Mapping[str, Subject]) -> DataConfig:
    """The data that all models were trained on.

    Raises:
        UsageError: they were trained on different data.
    """
    (first, data), *others = ((name, each.experiment.data) for name, each in subjects.items())
    ours = _world(data)
    for name, other in others:
        if (theirs := _world(other)) != ours:
            raise UsageError(
                f"models are compared on one world: that of {first} is {ours}, that of {name} is "
                f"{theirs}"
            )
    return data


def _world(data: DataConfig) -> tuple[Any, ...]:
    """What decides the clips: of a generated world its own settings alone."""
    if not data.generated:
        return (data,)
    settings = getattr(data, WORLDS[data.source][0])
    return (data.source, settings, *([data.digits] if data.source == MOVING_MNIST else []))


def reading_of(subject: Subject, folder: Path) -> Reading | None:
    """What can be read off frames of the model's world; None where nothing is known of them.

    Args:
        subject: a model and its data.
        folder: where what the reading needs is kept.
    """
    data, source = subject.experiment.data, subject.source
    if data.is_moving_ball and data.ball.plain:
        return BallInFutures(ball=data.ball)
    if isinstance(source, MovingMNIST):
        return DigitsInFutures(source, folder / CLASSIFIER)
    return None
