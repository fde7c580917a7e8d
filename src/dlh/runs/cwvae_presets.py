"""CW-VAE's presets: each stands beside the hierarchy's of the same name.

At the published size a preset has the published batches (50 clips of 100 frames) and learning rate.
The published code counts epochs of its data sets; updates are our estimate of what those are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dlh.data.published.catalogue import GQN_MAZES, MOVING_MNIST, MOVING_MNIST_LONG, VIZDOOM_MAZES
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.models import cwvae
from dlh.models.cwvae import CWVAEConfig
from dlh.runs.experiment import DataConfig, Experiment
from dlh.training.config import TrainingConfig

PUBLISHED = TrainingConfig(batch_size=50, learning_rate=3e-4)

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
SMALL_CONVOLUTIONS = (16, 32, 64, 128)


def tiny_cwvae() -> Experiment:
    """Seconds on one core: the whole path with a model too small to learn anything. For tests.

    dlh train tiny-cwvae
    """
    return Experiment(
        preset="tiny-cwvae",
        model=CWVAEConfig(
            height=16,
            width=16,
            num_levels=2,
            clock_factor=3,
            state_size=4,
            memory_size=16,
            hidden_size=16,
            dense_size=16,
            convolution_channels=(4, 4, 8, 8),
        ),
        data=DataConfig(ball=MovingBallConfig(size=16, radius=2, speed=3.0)),
        training=TrainingConfig(
            steps=20,
            batch_size=4,
            clip_length=10,
            checkpoint_every=10,
            log_every=5,
            validate_every=10,
            held_out_clips=4,
            threads=1,
        ),
    )


def cwvae_moving_ball() -> Experiment:
    """Beside ``moving-ball``: a 32 px ball, two levels, the same batches. Minutes on two cores.

    dlh train cwvae-moving-ball

    Level 2 ticks every 6 frames whatever happens, so it finds no event.
    """
    return Experiment(
        preset="cwvae-moving-ball",
        model=CWVAEConfig(
            height=32,
            width=32,
            num_levels=2,
            dense_size=200,
            convolution_channels=(16, 32, 64, 64),
            likelihood_std=1.0,
        ),
        data=DataConfig(ball=MovingBallConfig(size=32, radius=4, speed=5.0)),
        training=TrainingConfig(
            steps=800,
            batch_size=20,
            clip_length=24,
            learning_rate=1e-3,
            checkpoint_every=100,
            log_every=10,
            validate_every=100,
            held_out_clips=64,
        ),
    )


def cwvae_moving_ball_paper() -> Experiment:
    """Beside ``moving-ball-paper``: 64 px, the published sizes, three levels. Needs a GPU.

    dlh train cwvae-moving-ball-paper
    """
    model = CWVAEConfig(likelihood_std=1.0)
    return Experiment(preset="cwvae-moving-ball-paper", model=model, training=PUBLISHED)


def cwvae_moving_mnist() -> Experiment:
    """The published configuration ``mmnist``: 64 px, grey, three levels. Needs a GPU.

    dlh train cwvae-moving-mnist
    dlh train cwvae-moving-mnist --data moving-mnist

    The first takes the long-horizon files (``dlh data prepare moving-mnist-long``), the second
    generates its clips; they need digits: ``mnist-5k`` of ``pip install 'dlh[mnist]'``, or
    ``--data.digits mnist`` after ``dlh data prepare mnist``.
    """
    return _on("cwvae-moving-mnist", cwvae.moving_mnist(), MOVING_MNIST_LONG, PUBLISHED)


def cwvae_moving_mnist_small() -> Experiment:
    """Moving MNIST on two cores: 64 px, narrower networks, short clips. About an hour.

    dlh train cwvae-moving-mnist-small

    The digits are ``mnist-5k`` of ``pip install 'dlh[mnist]'``, or ``--data.digits mnist`` after
    ``dlh data prepare mnist``.
    """
    model = _narrower(cwvae.moving_mnist())
    return _on("cwvae-moving-mnist-small", model, MOVING_MNIST, ON_TWO_CORES)


def cwvae_mazes() -> Experiment:
    """The published configuration ``mazes``: 64 px, colour, three levels. Needs a GPU.

    dlh train cwvae-mazes
    dlh train cwvae-mazes --data vizdoom-mazes

    The first takes the films of the GQN mazes (``dlh data prepare gqn-mazes``), the second a
    stand-in that is made on this machine.
    """
    return _on("cwvae-mazes", cwvae.mazes(), GQN_MAZES, PUBLISHED)


def cwvae_mazes_small() -> Experiment:
    """Mazes on two cores: 64 px, narrower networks, short clips. About an hour.

    dlh train cwvae-mazes-small

    Its films are the stand-in that is made on this machine: ``dlh data prepare vizdoom-mazes``.
    """
    return _on("cwvae-mazes-small", _narrower(cwvae.mazes()), VIZDOOM_MAZES, ON_TWO_CORES)


def cwvae_videos() -> Experiment:
    """Beside ``videos``: one's own videos at the published size, 64 px, colour. Needs a
    GPU.

    dlh train cwvae-videos --data FOLDER
    """
    training = replace(PUBLISHED, steps=20_000)
    return _on("cwvae-videos", CWVAEConfig(likelihood_std=0.4), "", training)


def cwvae_videos_small() -> Experiment:
    """One's own videos on two cores: 64 px, colour, narrower networks. About an hour.

    dlh train cwvae-videos-small --data FOLDER
    """
    model = _narrower(CWVAEConfig(likelihood_std=0.4))
    return _on("cwvae-videos-small", model, "", ON_TWO_CORES)


PRESETS: dict[str, Callable[[], Experiment]] = {
    "tiny-cwvae": tiny_cwvae,
    "cwvae-moving-ball": cwvae_moving_ball,
    "cwvae-moving-ball-paper": cwvae_moving_ball_paper,
    "cwvae-moving-mnist": cwvae_moving_mnist,
    "cwvae-moving-mnist-small": cwvae_moving_mnist_small,
    "cwvae-mazes": cwvae_mazes,
    "cwvae-mazes-small": cwvae_mazes_small,
    "cwvae-videos": cwvae_videos,
    "cwvae-videos-small": cwvae_videos_small,
}


def _narrower(model: CWVAEConfig) -> CWVAEConfig:
    return replace(model, dense_size=200, convolution_channels=SMALL_CONVOLUTIONS)


def _on(name: str, model: CWVAEConfig, source: str, training: TrainingConfig) -> Experiment:
    return Experiment(preset=name, model=model, data=DataConfig(source=source), training=training)
