"""CW-VAE's presets: each stands beside the hierarchy's of the same name.

At the published size a preset has the published batches (50 clips of 100 frames) and learning rate.
The published code counts epochs of its data sets; updates are our estimate of what those are.
"""

from __future__ import annotations

from dataclasses import replace

from dlh.data.published.catalogue import (
    GQN_MAZES,
    MOVING_BALL,
    MOVING_MNIST,
    MOVING_MNIST_LONG,
    VIZDOOM_MAZES,
)
from dlh.models import cwvae
from dlh.models.cwvae import CWVAEConfig
from dlh.runs.experiment import Experiment
from dlh.runs.preset_bases import BALL, ON_BALL, ON_TWO_CORES, TINY, TINY_BALL, by_name, on
from dlh.training.config import TrainingConfig

PUBLISHED = TrainingConfig(batch_size=50, learning_rate=3e-4)


def tiny_cwvae() -> Experiment:
    """Seconds on one core: the whole path with a model too small to learn anything. For tests.

    dlh train tiny-cwvae
    """
    model = CWVAEConfig(
        height=16,
        width=16,
        num_levels=2,
        clock_factor=3,
        state_size=4,
        memory_size=16,
        hidden_size=16,
        dense_size=16,
        convolution_channels=(4, 4, 8, 8),
    )
    return on(TINY_BALL, "tiny-cwvae", model, TINY)


def cwvae_moving_ball() -> Experiment:
    """Beside ``moving-ball``: a 32 px ball, two levels, the same batches. Minutes on two cores.

    dlh train cwvae-moving-ball

    Level 2 ticks every 6 frames whatever happens, so it finds no event. At the std 1 of the other
    balls its states learn nothing in 600 updates, so it has the std of the published MineRL
    configuration (docs/log.md).
    """
    model = CWVAEConfig(
        height=32,
        width=32,
        num_levels=2,
        dense_size=200,
        convolution_channels=(16, 32, 64, 64),
        likelihood_std=0.4,
    )
    return on(BALL, "cwvae-moving-ball", model, ON_BALL)


def cwvae_moving_ball_paper() -> Experiment:
    """Beside ``moving-ball-paper``: 64 px, the published sizes, three levels. Needs a GPU.

    dlh train cwvae-moving-ball-paper
    """
    model = CWVAEConfig(likelihood_std=1.0)
    return on(MOVING_BALL, "cwvae-moving-ball-paper", model, PUBLISHED)


def cwvae_moving_mnist() -> Experiment:
    """The published configuration ``mmnist``: 64 px, grey, three levels. Needs a GPU.

    dlh train cwvae-moving-mnist
    dlh train cwvae-moving-mnist --data moving-mnist

    The first takes the long-horizon files (``dlh data prepare moving-mnist-long``), the second
    generates its clips; they need digits: ``mnist-5k`` of ``pip install 'dlh[mnist]'``, or
    ``--data.digits mnist`` after ``dlh data prepare mnist``.
    """
    return on(MOVING_MNIST_LONG, "cwvae-moving-mnist", cwvae.moving_mnist(), PUBLISHED)


def cwvae_moving_mnist_small() -> Experiment:
    """Moving MNIST on two cores: 64 px, narrower networks, short clips. About an hour.

    dlh train cwvae-moving-mnist-small

    The digits are ``mnist-5k`` of ``pip install 'dlh[mnist]'``, or ``--data.digits mnist`` after
    ``dlh data prepare mnist``.
    """
    model = _narrower(cwvae.moving_mnist())
    return on(MOVING_MNIST, "cwvae-moving-mnist-small", model, ON_TWO_CORES)


def cwvae_mazes() -> Experiment:
    """The published configuration ``mazes``: 64 px, colour, three levels. Needs a GPU.

    dlh train cwvae-mazes
    dlh train cwvae-mazes --data vizdoom-mazes

    The first takes the films of the GQN mazes (``dlh data prepare gqn-mazes``), the second a
    stand-in that is made on this machine.
    """
    return on(GQN_MAZES, "cwvae-mazes", cwvae.mazes(), PUBLISHED)


def cwvae_mazes_small() -> Experiment:
    """Mazes on two cores: 64 px, narrower networks, short clips. About an hour.

    dlh train cwvae-mazes-small

    Its films are the stand-in that is made on this machine: ``dlh data prepare vizdoom-mazes``.
    """
    return on(VIZDOOM_MAZES, "cwvae-mazes-small", _narrower(cwvae.mazes()), ON_TWO_CORES)


def cwvae_videos() -> Experiment:
    """Beside ``videos``: one's own videos at the published size, 64 px, colour. Needs a
    GPU.

    dlh train cwvae-videos --data FOLDER
    """
    model = CWVAEConfig(likelihood_std=0.4)
    return on("", "cwvae-videos", model, replace(PUBLISHED, steps=20_000))


def cwvae_videos_small() -> Experiment:
    """One's own videos on two cores: 64 px, colour, narrower networks. About an hour.

    dlh train cwvae-videos-small --data FOLDER
    """
    model = _narrower(CWVAEConfig(likelihood_std=0.4))
    return on("", "cwvae-videos-small", model, ON_TWO_CORES)


def _narrower(model: CWVAEConfig) -> CWVAEConfig:
    return replace(model, dense_size=200, convolution_channels=(16, 32, 64, 128))


PRESETS = by_name(
    tiny_cwvae,
    cwvae_moving_ball,
    cwvae_moving_ball_paper,
    cwvae_moving_mnist,
    cwvae_moving_mnist_small,
    cwvae_mazes,
    cwvae_mazes_small,
    cwvae_videos,
    cwvae_videos_small,
)
