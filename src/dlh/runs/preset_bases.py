"""What presets of several models begin with: worlds, recipes, and a model on some films."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.interfaces import ModelConfig
from dlh.models.dlh import DynamicsConfig, EmergenceConfig
from dlh.runs.experiment import DataConfig, Experiment
from dlh.training.config import TrainingConfig

TINY_BALL = DataConfig(ball=MovingBallConfig(size=16, radius=2, speed=3.0))
BALL = DataConfig(ball=MovingBallConfig(size=32, radius=4, speed=5.0))

TINY = TrainingConfig(
    steps=20,
    batch_size=4,
    clip_length=10,
    checkpoint_every=10,
    log_every=5,
    validate_every=10,
    held_out_clips=4,
    threads=1,
)
"""Seconds on one core."""

ON_BALL = TrainingConfig(
    steps=800,
    batch_size=20,
    clip_length=24,
    learning_rate=1e-3,
    checkpoint_every=100,
    log_every=10,
    validate_every=100,
    held_out_clips=64,
)
"""Minutes on two cores, at 32 px."""

ON_TWO_CORES = TrainingConfig(
    steps=5_000,
    batch_size=8,
    clip_length=50,
    learning_rate=1e-3,
    checkpoint_every=100,
    log_every=10,
    validate_every=250,
    held_out_clips=16,
)
"""An hour or two, at 64 px."""


def joint(training: TrainingConfig, steps: int) -> TrainingConfig:
    """The training with so many joint updates, in which a hierarchy emerges with :func:`emergence`.

    The divergences have their whole weight after 85 % of the updates, and the learning rate falls
    over the second half.
    """
    return replace(
        training,
        steps=steps,
        beta_warmup_steps=round(0.85 * steps),
        cooldown_steps=round(0.5 * steps),
        gradient_norm=60.0,
    )


def emergence(steps: int) -> EmergenceConfig:
    """What helps the hierarchy to emerge in a run of ``steps`` joint updates.

    In the first 40 % no memory is read, and in the first half changes are explored. In the first
    20 % the likelihood's std is 1, or moves to where the states cost 10 to 40 nats a frame, at
    which a hierarchy emerges; until 45 % it moves to the model's own.
    docs/log.md has the experiments (28 November 2026), all with 1,000 updates.
    """
    return EmergenceConfig(
        memory_from=round(0.4 * steps),
        exploration=5.0,
        exploration_until=round(0.5 * steps),
        initial_likelihood_std=1.0,
        initial_nats=20.0,
        anneal_from=round(0.2 * steps),
        anneal_until=round(0.45 * steps),
    )


SHORT_DYNAMICS = DynamicsConfig(clips=1_200, muon=10.0)
"""Few stored clips for the later stages, for a training of minutes."""

LONG_DYNAMICS = DynamicsConfig(clips=6_000, muon=10.0)
"""Many stored clips, for long futures; 200 MB with two levels."""


def on(
    data: DataConfig | str, name: str, model: ModelConfig, training: TrainingConfig
) -> Experiment:
    """The preset of that name: a model on a world, or on the data set of a name, and a recipe."""
    data = DataConfig(source=data) if isinstance(data, str) else data
    return Experiment(preset=name, model=model, data=data, training=training)


class Preset(Protocol):
    """A function that makes an experiment; its docstring has the command, cost and expectation."""

    __name__: str

    def __call__(self) -> Experiment: ...


def by_name(*presets: Preset) -> dict[str, Preset]:
    """The presets by their names: ``moving_ball`` is ``moving-ball``."""
    return {preset.__name__.replace("_", "-"): preset for preset in presets}
