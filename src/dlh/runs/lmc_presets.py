"""The presets of LMC-Memory: on Moving Ball, Moving MNIST, mazes, one's own videos, as published.

All have the published context of 10 frames, learning rate and loss. All but ``lmc-paper`` are
narrower than the published model, with a warm-up that is shorter as their training is, so that a
CPU trains them; their figures are not the published model's. Colour is ours; published is grey.
"""

from __future__ import annotations

from dataclasses import replace

from dlh.data.published.catalogue import GQN_MAZES, MOVING_MNIST
from dlh.models.lmc import MOVING_MNIST as PUBLISHED
from dlh.models.lmc import LMCConfig
from dlh.runs.experiment import Experiment
from dlh.runs.preset_bases import BALL, ON_TWO_CORES, TINY, TINY_BALL, by_name, on
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
SMALL = replace(
    ON_TWO_CORES, steps=1_500, clip_length=40, learning_rate=LEARNING_RATE, held_out_clips=32
)


def tiny_lmc() -> Experiment:
    """Seconds on one core: the preset tiny with an LMC-Memory too small to learn anything. For
    tests.

    dlh train tiny-lmc
    """
    model = LMCConfig(
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
    )
    training = replace(TINY, clip_length=14, learning_rate=LEARNING_RATE)
    return on(TINY_BALL, "tiny-lmc", model, training)


def lmc_moving_ball() -> Experiment:
    """The 32 px ball of moving-ball; narrower than the published model. 40 minutes on a core.

    dlh train lmc-moving-ball

    It has no events and one future; ``dlh compare`` shows it beside moving-ball.
    """
    model = replace(NARROW_COLOUR, height=32, width=32, long_steps=20)
    return on(BALL, "lmc-moving-ball", model, replace(SMALL, batch_size=16, clip_length=30))


def lmc_moving_mnist() -> Experiment:
    """Two digits, generated, 64 px, grey; narrower than the published model. 90 minutes on a core.

    dlh train lmc-moving-mnist

    The digits: ``mnist-5k`` of ``pip install 'dlh[mnist]'``, or ``--data.digits mnist`` after
    ``dlh data prepare mnist``. The published figures are of ``lmc-paper``, not of this model.
    """
    return on(MOVING_MNIST, "lmc-moving-mnist", NARROW, SMALL)


def lmc_mazes() -> Experiment:
    """The DeepMind Lab mazes, 64 px, colour; narrower than the published model. 90 minutes on a
    core.

    dlh train lmc-mazes
    dlh train lmc-mazes --data vizdoom-mazes

    The first takes the films of the GQN mazes (``dlh data prepare gqn-mazes``), the second a
    stand-in that is made on this machine. LMC-Memory was not published on mazes: there is no figure
    to expect.
    """
    return on(GQN_MAZES, "lmc-mazes", NARROW_COLOUR, SMALL)


def lmc_videos() -> Experiment:
    """One's own videos, 64 px, colour; narrower than the published model. 90 minutes on a core.

    dlh train lmc-videos --data FOLDER

    Look at report.html.
    """
    return on("", "lmc-videos", NARROW_COLOUR, SMALL)


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
    return on(MOVING_MNIST, "lmc-paper", PUBLISHED, training)


PRESETS = by_name(tiny_lmc, lmc_moving_ball, lmc_moving_mnist, lmc_mazes, lmc_videos, lmc_paper)
