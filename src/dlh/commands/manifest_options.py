"""The options of ``dlh data manifest``; a module of its own because the generators import numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dlh.commands.data_options import StorePath
from dlh.commands.options import at_least
from dlh.data.worlds.bouncing_ball import BouncingBallConfig
from dlh.data.worlds.digits import MNIST_5K
from dlh.data.worlds.moving_ball import MovingBallConfig
from dlh.data.worlds.moving_mnist import MovingMNISTConfig
from dlh.data.worlds.two_clocks import TwoClocksConfig


@dataclass(frozen=True, kw_only=True)
class ManifestOptions:
    """Name the clips of an evaluation by file, content and first frame, so that others can use the
    same clips. If fewer exist than --clips, the manifest has fewer.

    example:  dlh data manifest kth --context 30 --horizon 300 --select first
    """

    store: StorePath
    """A store that dlh data import made, or the name of a data set (moving-ball, two-clocks,
    bouncing-ball and moving-mnist are generated)."""
    context: int = 30
    """Frames to observe."""
    horizon: int = 300
    """Frames to predict after these."""
    clips: int = 100
    """The most clips to name."""
    split: Literal["train", "validation", "test"] = "test"
    """Split that the clips are from."""
    select: Literal["spaced", "first"] = "spaced"
    """spaced: without overlap, spread evenly over all videos and within each; first: the first
    frames of each video that is long enough."""
    out: Path = Path("manifest.json")
    """The manifest."""
    digits: str = MNIST_5K
    """For moving-mnist: mnist, the folder of MNIST's four files, or mnist-5k."""
    ball: MovingBallConfig = field(default_factory=MovingBallConfig)
    """The world of moving-ball."""
    clocks: TwoClocksConfig = field(default_factory=TwoClocksConfig)
    """The world of two-clocks."""
    bouncing: BouncingBallConfig = field(default_factory=BouncingBallConfig)
    """The world of bouncing-ball."""
    mnist: MovingMNISTConfig = field(default_factory=MovingMNISTConfig)
    """The world of moving-mnist."""

    def __post_init__(self) -> None:
        at_least(1, self, "context", "horizon", "clips")
