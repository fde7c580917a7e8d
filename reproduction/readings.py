"""What can be read off predicted frames of a world whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from dlh.analysis.moving_ball.rollouts import Tracking, ideal_tracking
from dlh.analysis.moving_ball.scored_futures import read_scored_futures
from dlh.data.published.catalogue import MOVING_MNIST
from dlh.data.worlds.by_name import WORLDS
from dlh.data.worlds.moving_ball import MovingBallClips, MovingBallConfig
from dlh.data.worlds.moving_mnist import MovingMNIST
from dlh.errors import UsageError
from dlh.evaluation.protocol import Protocol as ScoreProtocol
from dlh.evaluation.scoring import Evaluation
from dlh.runs.experiment import DataConfig
from dlh.runs.subject import Subject
from reproduction.digits import DigitsInFutures

CLASSIFIER = "digit-classifier"
"""The file of the classifier of digits, without its ending."""


class Reading(Protocol):
    """Reads the scored futures of a model again, frame by frame.

    Attributes:
        file: what is found is kept in, beside the scores.
    """

    @property
    def file(self) -> str: ...

    def read(self, evaluation: Evaluation, protocol: ScoreProtocol) -> dict[str, Any]:
        """What is found, by name, for a JSON file."""
        ...

    def observer(self, subject: Subject, protocol: ScoreProtocol) -> dict[str, Any] | None:
        """The same of an ideal observer; None where there is none."""
        ...


@dataclass(frozen=True, kw_only=True)
class BallInFutures:
    """Whether futures look like Moving Ball, and how long the ball is where it should be.

    Attributes:
        ball: the world, plain.
    """

    ball: MovingBallConfig
    file: str = "ball.json"

    def read(self, evaluation: Evaluation, protocol: ScoreProtocol) -> dict[str, Any]:
        """``world`` and ``tracking``."""
        futures = read_scored_futures(evaluation, protocol, self.ball)
        return {"world": asdict(futures.world), "tracking": tracked(futures.tracking)}

    def observer(self, subject: Subject, protocol: ScoreProtocol) -> dict[str, Any]:
        """An observer's place of the ball in the clips that were scored: the first test clips."""
        assert protocol.context is not None
        length = protocol.context + protocol.horizon
        clips = subject.source.held_out("test", count=protocol.data.clips, clip_length=length)
        assert isinstance(clips, MovingBallClips)
        return tracked(
            ideal_tracking(
                clips,
                self.ball,
                context_steps=protocol.context,
                samples=protocol.samples,
                seed=protocol.seed,
            )
        )


def tracked(tracking: Tracking) -> dict[str, Any]:
    """For a JSON file."""
    return {
        "radius": tracking.radius,
        "median_steps_best": tracking.median_best,
        "median_steps_mean": tracking.median_mean,
    }


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
