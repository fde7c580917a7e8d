"""The presets: each a function that says what it is for, what it costs and what to expect.

Those of the baselines have files of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dlh.data.published.catalogue import (
    GQN_MAZES,
    KTH,
    MOVING_MNIST,
    MOVING_MNIST_LONG,
    VIZDOOM_MAZES,
)
from dlh.data.published.places import Place
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.errors import UsageError
from dlh.models.dlh import DLHConfig
from dlh.models.flat import FlatConfig
from dlh.runs import cwvae_presets, lmc_presets, vta_presets
from dlh.runs.experiment import DataConfig, Experiment
from dlh.settings import suggestion
from dlh.training.config import TrainingConfig


def tiny() -> Experiment:
    """Seconds on one core: the whole path with a model too small to learn anything. For tests.

    dlh train tiny
    """
    return Experiment(
        preset="tiny",
        model=DLHConfig(
            height=16,
            width=16,
            num_levels=2,
            feature_size=16,
            context_size=16,
            memory_size=16,
            state_size=4,
            hidden_sizes=(8,),
            factor_size=8,
            convolution_channels=(4, 4, 8, 8),
        ),
        data=DataConfig(ball=MovingBallConfig(size=16, radius=2, speed=3.0)),
        training=TrainingConfig(
            steps=20,
            batch_size=4,
            clip_length=10,
            beta_warmup_steps=10,
            checkpoint_every=10,
            log_every=5,
            validate_every=10,
            held_out_clips=4,
            threads=1,
        ),
    )


def moving_ball() -> Experiment:
    """What the demo trains: a 32 px ball, two levels, six or seven minutes on two cores.

    dlh train moving-ball

    Expect two starts of 300 steps, of which more than half have found all events by then and the
    better one goes on, and a held-out event precision and recall of .98 or more in the end.
    docs/log.md has what was measured.
    """
    return Experiment(
        preset="moving-ball",
        model=DLHConfig(
            height=32,
            width=32,
            num_levels=2,
            convolution_channels=(16, 32, 64, 64),
            initial_std=(0.1, 0.09),
        ),
        data=DataConfig(ball=MovingBallConfig(size=32, radius=4, speed=5.0)),
        training=TrainingConfig(
            steps=800,
            starts=2,
            start_steps=300,
            start_margin=1.5,
            batch_size=20,
            clip_length=24,
            learning_rate=3e-3,
            beta_warmup_steps=850,
            cooldown_steps=500,
            checkpoint_every=100,
            log_every=10,
            validate_every=100,
            held_out_clips=64,
        ),
    )


def textured_room() -> Experiment:
    """The ball of moving-ball before a random texture, with sensor noise. Minutes on two cores.

    dlh train textured-room

    Neither a difference of pixels nor the mean colour of a frame tells its changes: with the best
    threshold their F1 is .42 and .59, and .37 is what a change claimed at every frame gets.
    """
    ball = moving_ball()
    room = replace(ball.data.ball, texture=0.5, noise=0.02, flicker=0.02)
    return replace(ball, preset="textured-room", data=DataConfig(ball=room))


def tiny_flat() -> Experiment:
    """Seconds on one core: the preset tiny with the flat model. For tests.

    dlh train tiny-flat
    """
    model = FlatConfig(
        height=16,
        width=16,
        feature_size=16,
        memory_size=16,
        state_size=4,
        hidden_sizes=(8,),
        convolution_channels=(4, 4, 8, 8),
    )
    return replace(tiny(), preset="tiny-flat", model=model)


def moving_ball_flat() -> Experiment:
    """What moving-ball trains without a hierarchy: one level, no decisions; minutes on two cores.

    dlh train moving-ball-flat

    Expect futures to compare with those of moving-ball (``dlh evaluate``, ``dlh compare``); it has
    no events.
    """
    ball = moving_ball()
    model = FlatConfig(height=32, width=32, convolution_channels=(16, 32, 64, 64))
    training = replace(ball.training, starts=1, start_steps=0, start_margin=0.0)
    return replace(ball, preset="moving-ball-flat", model=model, training=training)


def moving_ball_paper() -> Experiment:
    """The paper's scale on Moving Ball: 64 px, batch 100 of 100 frames, two levels. A GPU for days.

    dlh train moving-ball-paper

    Its schedule is the paper's. In four minutes of an H200 level 2 finds all events with::

        dlh train moving-ball-paper --steps 1800 --training.learning-rate 1e-3
            --training.beta-warmup-steps 850 --training.cooldown-steps 1100
            --model.initial-std .1 .09

    Expect (paper, Tables 2, 3, 5) a mean depth of 1.22, a state KL of 42 nats a sequence of which
    level 2 takes 7, and p(e^2 = 1) of .97 where level 2 changes and .007 where it does not.
    """
    return Experiment(
        preset="moving-ball-paper", model=DLHConfig(num_levels=2), training=TrainingConfig()
    )


def moving_mnist() -> Experiment:
    """The paper's scale on Moving MNIST (two digits), 64 px, grey, three levels. A GPU for days.

    dlh train moving-mnist
    dlh train moving-mnist --data moving-mnist

    The first takes the long-horizon files (``dlh data prepare moving-mnist-long``), the second
    generates its clips; they need digits: ``mnist-5k`` of ``pip install 'dlh[mnist]'``, or
    ``--data.digits mnist`` after ``dlh data prepare mnist``.

    Expect (paper, Table 1; 300 predicted frames, best of 100) SSIM .78 and PSNR 15.7.
    """
    model = DLHConfig(channels=1, likelihood_std=1.0)
    return _on_files("moving-mnist", model, MOVING_MNIST_LONG)


def kth() -> Experiment:
    """The paper's scale on KTH Action, 64 px, grey, three levels. A GPU for days.

    dlh train kth

    Its videos: ``dlh data prepare kth``.

    Expect (paper, Table 1; 300 predicted frames, best of 100) SSIM .84 and PSNR 24.7.
    """
    return _on_files("kth", DLHConfig(channels=1, likelihood_std=1.0), KTH)


def mazes() -> Experiment:
    """The paper's scale on the DeepMind Lab mazes, 64 px, colour, three levels. A GPU for days.

    dlh train mazes
    dlh train mazes --data vizdoom-mazes

    The first takes the films of the GQN mazes (``dlh data prepare gqn-mazes``), the second a
    stand-in that is made on this machine.

    Expect (paper, Table 1; 200 predicted frames, best of 100) SSIM .59 and PSNR 14.3.
    """
    return _on_files("mazes", DLHConfig(channels=3, likelihood_std=0.1), GQN_MAZES)


def videos() -> Experiment:
    """One's own videos: 64 px, colour, three levels, sized for the hardware found. An hour or two
    on two cores.

    dlh train videos --data FOLDER

    What to expect is for the videos to say: look at report.html, and at ``dlh events``.
    """
    model = DLHConfig(likelihood_std=0.4)
    training = TrainingConfig(
        steps=20_000, batch_size=32, clip_length=50, beta_warmup_steps=2_000, checkpoint_every=250
    )
    if not _has_gpu():
        model = replace(model, convolution_channels=(16, 32, 64, 128))
        training = replace(
            training,
            steps=5_000,
            batch_size=8,
            learning_rate=1e-3,
            beta_warmup_steps=1_000,
            checkpoint_every=100,
            log_every=10,
            validate_every=250,
            held_out_clips=16,
        )
    return replace(_on_files("videos", model, ""), training=training)


PRESETS: dict[str, Callable[[], Experiment]] = {
    "tiny": tiny,
    "tiny-flat": tiny_flat,
    "moving-ball": moving_ball,
    "moving-ball-flat": moving_ball_flat,
    "moving-ball-paper": moving_ball_paper,
    "textured-room": textured_room,
    "moving-mnist": moving_mnist,
    "kth": kth,
    "mazes": mazes,
    "videos": videos,
    **vta_presets.PRESETS,
    **lmc_presets.PRESETS,
    **cwvae_presets.PRESETS,
}

STAND_INS = {MOVING_MNIST_LONG: MOVING_MNIST, GQN_MAZES: VIZDOOM_MAZES}
"""What can be had without a download, where the data set that a preset names is not here."""


def preset(name: str) -> Experiment:
    """The experiment of that name; UsageError with the nearest name where there is none."""
    if name not in PRESETS:
        raise UsageError(
            f"there is no preset {name!r}{suggestion(name, list(PRESETS))}", code="no-such-preset"
        )
    return PRESETS[name]()


def how_to_get_data(name: str) -> str:
    """What to do about a preset whose data must be named."""
    return (
        f"the preset {name} needs its data: `dlh train {name} --data FOLDER`, where FOLDER holds "
        "your videos (mp4, avi, webm, mov, gif, ...), of any size"
    )


def how_to_prepare(name: str, place: Place) -> str:
    """What to do about a preset on a data set that is not prepared."""
    said = f"{place.how_to_prepare()}; or `dlh train {name} --data FOLDER` with videos of your own"
    if stand_in := STAND_INS.get(place.data_set.name):
        said += f", or `--data {stand_in}`, another data set that needs no download"
    return said


def _on_files(name: str, model: DLHConfig, source: str) -> Experiment:
    """The paper's recipe on videos."""
    return Experiment(
        preset=name, model=model, data=DataConfig(source=source), training=TrainingConfig()
    )


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
