"""The presets of LMC-Memory: on Moving Ball, Moving MNIST, mazes, one's own videos, as published.

All have the published context of 10 frames, learning rate and loss. All but ``lmc-paper`` are
narrower than the published model, with a warm-up that is shorter as their training is, so that a
CPU trains them; their figures are not the published model's. Colour is ours; published is grey.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dlh.data.published.catalogue import GQN_MAZES, MOVING_MNIST
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.models.lmc import MOVING_MNIST as PUBLISHED
from dlh.models.lmc import LMCConfig
from dlh.runs.experiment import DataConfig, Experiment
from dlh.training.config import TrainingConfig

LEARNING_RATE = 2e-4
NARROW = LMCConfig(
    frame_channels=(16, 32),
    num_layers=2,
    hidden_channels=32,
    motion_channels=(8, 16, 32, 64),
    warmup_iterations=100,
)
NARROW_COLOUR = replace(NARROW, channels=3, output="sigmoid")
SMALL = TrainingConfig(
    steps=1_500,
    batch_size=8,
    clip_length=40,
    learning_rate=LEARNING_RATE,
    checkpoint_every=100,
    log_every=10,
    validate_every=250,
    held_out_clips=32,
)


def tiny_lmc() -> Experiment:
    """Seconds on one core: the preset tiny with an LMC-Memory too small to learn anything. For
    tests.

    dlh train tiny-lmc
    """
    return Experiment(
        preset="tiny-lmc",
        model=LMCConfig(
            channels=3,
            height=16,
            width=16,
            frame_channels=(4, 8),
            num_layers=2,
            hidden_channels=8,
            motion_channels=(2, 4, 4, 8),
            num_slots=10,
            attention_size=4,
            output="sigmoid",
            context_steps=9,
            long_steps=11,
            warmup_iterations=5,
            warmup_horizon=2,
        ),
        data=DataConfig(ball=MovingBallConfig(size=16, radius=2, speed=3.0)),
        training=TrainingConfig(
            steps=20,
            batch_size=4,
            clip_length=14,
            learning_rate=LEARNING_RATE,
            checkpoint_every=10,
            log_every=5,
            validate_every=10,
            held_out_clips=4,
            threads=1,
        ),
    )


def lmc_moving_ball() -> Experiment:
    """The 32 px ball of moving-ball; narrower than the published model. 40 minutes on a core.

    dlh train lmc-moving-ball

    It has no events and one future; ``dlh compare`` shows it beside moving-ball.
    """
    return Experiment(
        preset="lmc-moving-ball",
        model=replace(NARROW_COLOUR, height=32, width=32, long_steps=20),
        data=DataConfig(ball=MovingBallConfig(size=32, radius=4, speed=5.0)),
        training=replace(SMALL, batch_size=16, clip_length=30),
    )


def lmc_moving_mnist() -> Experiment:
    """Two digits, generated, 64 px, grey; narrower than the published model. 90 minutes on a core.

    dlh train lmc-moving-mnist

    The digits: ``mnist-5k`` of ``pip install 'dlh[mnist]'``, or ``--data.digits mnist`` after
    ``dlh data prepare mnist``. The published figures are of ``lmc-paper``, not of this model.
    """
    return _narrow("lmc-moving-mnist", MOVING_MNIST, NARROW)


def lmc_mazes() -> Experiment:
    """The DeepMind Lab mazes, 64 px, colour; narrower than the published model. 90 minutes on a
    core.

    dlh train lmc-mazes
    dlh train lmc-mazes --data vizdoom-mazes

    The first takes the films of the GQN mazes (``dlh data prepare gqn-mazes``), the second a
    stand-in that is made on this machine. LMC-Memory was not published on mazes: there is no figure
    to expect.
    """
    return _narrow("lmc-mazes", GQN_MAZES, NARROW_COLOUR)


def lmc_videos() -> Experiment:
    """One's own videos, 64 px, colour; narrower than the published model. 90 minutes on a core.

    dlh train lmc-videos --data FOLDER

    Look at report.html.
    """
    return _narrow("lmc-videos", "", NARROW_COLOUR)


def lmc_paper() -> Experiment:
    """The published configuration for Moving MNIST: 64 px, grey, batch 128, 300,000 iterations of
    two updates each. A GPU for weeks.

    dlh train lmc-paper

    The digits as for lmc-moving-mnist. An iteration takes half an hour of one core. The clips are
    of this package's generator, not the published files, so the published figures are no target.
    """
    training = TrainingConfig(
        steps=300_000, batch_size=128, clip_length=40, learning_rate=LEARNING_RATE
    )
    data = DataConfig(source=MOVING_MNIST)
    return Experiment(preset="lmc-paper", model=PUBLISHED, data=data, training=training)


PRESETS: dict[str, Callable[[], Experiment]] = {
    "tiny-lmc": tiny_lmc,
    "lmc-moving-ball": lmc_moving_ball,
    "lmc-moving-mnist": lmc_moving_mnist,
    "lmc-mazes": lmc_mazes,
    "lmc-videos": lmc_videos,
    "lmc-paper": lmc_paper,
}


def _narrow(name: str, source: str, model: LMCConfig) -> Experiment:
    return Experiment(preset=name, model=model, data=DataConfig(source=source), training=SMALL)
