"""The presets of VTA: on Moving Ball, Moving MNIST, mazes and one's own videos, and as published.

All have the published clips (20 scored frames between 5 of context at each end), learning rate and
loss. All but ``vta-paper`` are narrower than the published model, so that a CPU trains them, and
their figures are not the published model's. 64 px is ours; published are 32 px.
"""

from __future__ import annotations

from dataclasses import replace

from dlh.data.published.catalogue import GQN_MAZES, MOVING_MNIST, VIZDOOM_MAZES
from dlh.models.vta import VTAConfig
from dlh.runs.experiment import Experiment
from dlh.runs.preset_bases import BALL, ON_TWO_CORES, TINY, TINY_BALL, by_name, on
from dlh.training.config import TrainingConfig

NARROW = VTAConfig(height=64, width=64, convolution_channels=32)
CLIP_LENGTH = 30
LEARNING_RATE = 5e-4
SMALL = replace(
    ON_TWO_CORES,
    steps=3_000,
    batch_size=16,
    clip_length=CLIP_LENGTH,
    learning_rate=LEARNING_RATE,
    held_out_clips=32,
)


def tiny_vta() -> Experiment:
    """Seconds on one core: the preset tiny with a VTA too small to learn anything. For tests.

    dlh train tiny-vta
    """
    model = VTAConfig(
        height=16,
        width=16,
        convolution_channels=8,
        belief_size=12,
        state_size=4,
        context_steps=2,
        window_steps=6,
    )
    return on(TINY_BALL, "tiny-vta", model, replace(TINY, learning_rate=LEARNING_RATE))


def vta_moving_ball() -> Experiment:
    """The 32 px ball of moving-ball; narrower than the published VTA. Half an hour on a core.

    dlh train vta-moving-ball

    Expect fewer events found than by moving-ball: VTA's published F1 on such worlds is .52 to .64.
    """
    model = VTAConfig(convolution_channels=64, belief_size=64)
    return on(BALL, "vta-moving-ball", model, SMALL)


def vta_moving_mnist() -> Experiment:
    """Two digits, generated, 64 px, grey; narrower than the published VTA. An hour on a core.

    dlh train vta-moving-mnist

    The digits: ``mnist-5k`` of ``pip install 'dlh[mnist]'``, or ``--data.digits mnist`` after
    ``dlh data prepare mnist``. VTA was not published on this data: there is no figure to expect.
    """
    return on(MOVING_MNIST, "vta-moving-mnist", replace(NARROW, channels=1), SMALL)


def vta_mazes() -> Experiment:
    """The DeepMind Lab mazes, 64 px, colour; narrower than the published VTA. An hour on a core.

    dlh train vta-mazes
    dlh train vta-mazes --data vizdoom-mazes

    The first takes the films of the GQN mazes (``dlh data prepare gqn-mazes``), the second a
    stand-in that is made on this machine. VTA was published on another maze: there is no figure to
    expect.
    """
    return on(GQN_MAZES, "vta-mazes", NARROW, SMALL)


def vta_videos() -> Experiment:
    """One's own videos, 64 px, colour; narrower than the published VTA. An hour on a core.

    dlh train vta-videos --data FOLDER

    Look at ``dlh events``, and at report.html.
    """
    return on("", "vta-videos", NARROW, SMALL)


def vta_paper() -> Experiment:
    """The published configuration: 32 px, colour, batch 64, 500,000 updates. A GPU for days.

    dlh train vta-paper

    The published films, 10,000 of 100 frames in a 3-D maze, are not public; it takes a stand-in of
    the same size of frame (``dlh data prepare vizdoom-mazes --size 32``), or with ``--data`` films
    of one's own. An update takes 14 s of one core. The published results are pictures: there is no
    figure to expect.
    """
    training = TrainingConfig(
        steps=500_000, batch_size=64, clip_length=CLIP_LENGTH, learning_rate=LEARNING_RATE
    )
    return on(VIZDOOM_MAZES, "vta-paper", VTAConfig(), training)


PRESETS = by_name(tiny_vta, vta_moving_ball, vta_moving_mnist, vta_mazes, vta_videos, vta_paper)
