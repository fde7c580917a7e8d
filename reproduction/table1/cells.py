"""The list of Table 1: worlds, models, seeds, and the experiment of each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dlh.data.published.catalogue import (
    GQN_MAZES,
    KTH,
    MOVING_BALL,
    MOVING_MNIST,
    MOVING_MNIST_LONG,
    VIZDOOM_MAZES,
)
from dlh.data.worlds.moving_mnist import MovingMNISTConfig
from dlh.errors import UsageError
from dlh.models.dlh import DLHConfig, DynamicsConfig
from dlh.models.flat import FlatConfig
from dlh.models.frame_config import FrameConfig
from dlh.models.lmc import LMCConfig
from dlh.models.vta import VTAConfig
from dlh.runs.experiment import DataConfig, Experiment
from dlh.runs.preset_bases import LONG_DYNAMICS, TINY_BALL
from dlh.runs.presets import preset
from dlh.settings import suggestion
from reproduction.sweep import of_length

Size = Literal["tiny", "cores", "paper"]
"""tiny: seconds, learns nothing; cores: for a CPU; paper: the published sizes, for a GPU."""

MODELS: Mapping[str, str] = {
    "dlh2": "DLH, N = 2",
    "dlh3": "DLH, N = 3",
    "flat": "the flat model",
    "cwvae": "CW-VAE",
    "vta": "VTA",
    "lmc": "LMC-Memory",
}
"""By name; floors are in every table."""


@dataclass(frozen=True, kw_only=True)
class World:
    """A world of Table 1.

    Attributes:
        name: of its data set.
        title: for people.
        colour: frames have three channels, not one.
        mazes: its presets are those of mazes; otherwise of Moving MNIST, or of the ball.
        likelihood_std: of DLH and the flat model.
        horizon: predicted frames.
        far: predicted frames of the cost of a horizon; 0: its clips are too short.
        paper: SSIM and PSNR of the paper's Table 1, by model.
        paper_data: what they are of, where that is another data set.
    """

    name: str
    title: str
    colour: bool = False
    mazes: bool = False
    likelihood_std: float = 1.0
    horizon: int = 300
    far: int = 0
    paper: Mapping[str, tuple[float, float]]
    paper_data: str = ""

    @property
    def channels(self) -> int:
        return 3 if self.colour else 1


_MNIST = {"DLH": (0.78, 15.7), "LMC-Memory": (0.75, 13.73), "CW-VAE": (0.68, 13.11),
          "VTA": (0.58, 12.18)}  # fmt: skip
_MAZES = {"DLH": (0.59, 14.3), "CW-VAE": (0.44, 13.71)}
_KTH = {"DLH": (0.84, 24.7), "CW-VAE": (0.80, 22.0)}
_ALL = (
    World(name=MOVING_BALL, title="Moving Ball (lambda 0)", colour=True, far=1000, paper={}),
    World(name=MOVING_MNIST, title="Moving MNIST, generated", far=1000, paper=_MNIST),
    World(
        name=VIZDOOM_MAZES, title="ViZDoom mazes", colour=True, mazes=True, likelihood_std=0.1,
        horizon=200, paper=_MAZES, paper_data=" on GQN mazes",
    ),
    World(name=MOVING_MNIST_LONG, title="Moving MNIST, the long-horizon files", paper=_MNIST),
    World(name=KTH, title="KTH Action", paper=_KTH),
    World(
        name=GQN_MAZES, title="GQN mazes", colour=True, mazes=True, likelihood_std=0.1,
        horizon=200, paper=_MAZES,
    ),
)  # fmt: skip
WORLDS: Mapping[str, World] = {world.name: world for world in _ALL}
HERE = (MOVING_BALL, MOVING_MNIST, VIZDOOM_MAZES)
"""Those that need no download, the default; the others need their files."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A model on a world, with a seed.

    Attributes:
        world, model, seed: which.
        size: of the model.
        experiment: all settings, before the terms decide learning rate and steps.
    """

    world: World
    model: str
    seed: int
    size: Size
    experiment: Experiment

    @property
    def name(self) -> str:
        """Of its row and its folders, among those of its world."""
        return f"{self.model}-seed{self.seed}"


def cells(
    world: World, models: Sequence[str], seeds: Sequence[int], size: Size, data: str | None = None
) -> list[Cell]:
    """The cells of a world.

    Args:
        world: of WORLDS.
        models: of MODELS.
        seeds: of weights, clips and noise.
        size: of all of them.
        data: other data of the same kind: a clip store or a folder of videos.

    Raises:
        UsageError: a name is unknown.
    """
    return [
        Cell(
            world=world,
            model=model,
            seed=seed,
            size=size,
            experiment=experiment(world, model, size, seed=seed, data=data),
        )
        for model in models
        for seed in seeds
    ]


def experiment(
    world: World, model: str, size: Size, *, seed: int = 0, data: str | None = None
) -> Experiment:
    """What is trained in a cell: a preset where there is one of this model on this world.

    Raises:
        UsageError: the model is unknown.
    """
    if model not in MODELS:
        raise UsageError(
            f"there is no model {model!r} in Table 1{suggestion(model, list(MODELS))}; it has "
            + ", ".join(MODELS)
        )
    base = _TINY[model]() if size == "tiny" else _base(world, model, size)
    assert isinstance(base.model, FrameConfig)
    training = replace(base.training, seed=seed, sample_every=0)
    if size != "paper":
        training = replace(training, threads=1, device="cpu")
    return replace(
        base,
        model=replace(base.model, channels=world.channels),
        data=_data(world, base, size) if data is None else DataConfig(source=data),
        training=training,
    )


def _data(world: World, base: Experiment, size: Size) -> DataConfig:
    if world.name == MOVING_BALL:
        return TINY_BALL if size == "tiny" else base.data
    if world.name == MOVING_MNIST and size == "tiny":
        small = MovingMNISTConfig(size=16, digit_size=8, speed=(1.0, 2.0))
        return DataConfig(source=MOVING_MNIST, mnist=small)
    return DataConfig(source=world.name)


def _tiny_dlh(levels: int) -> Experiment:
    """The preset tiny with the later stages."""
    base = preset("tiny")
    assert isinstance(base.model, DLHConfig)
    stages = DynamicsConfig(clips=8, clip_length=10, batch_size=4)
    return replace(
        base,
        model=replace(base.model, num_levels=levels, dynamics=stages),
        training=replace(base.training, later_steps=(6, 4)),
    )


_TINY = {
    "dlh2": lambda: _tiny_dlh(2),
    "dlh3": lambda: _tiny_dlh(3),
    **{name: lambda name=name: preset(f"tiny-{name}") for name in MODELS if name[:3] != "dlh"},
}


def _base(world: World, model: str, size: Size) -> Experiment:
    ball = world.name == MOVING_BALL
    kind = "moving-ball" if ball else "mazes" if world.mazes else "moving-mnist"
    if model.startswith("dlh"):
        return _dlh(world, int(model[3:]), size)
    if model == "flat":
        if ball and size == "cores":
            return preset("moving-ball-flat")
        return _flat_beside(_dlh(world, 2, size))
    if model == "cwvae":
        ending = {("cores", False): "-small", ("paper", True): "-paper"}.get((size, ball), "")
        return preset(f"cwvae-{kind}{ending}")
    if size == "cores":
        return preset(f"{model}-{kind}")
    base = preset(f"{model}-paper")
    if isinstance(base.model, VTAConfig):  # published at 32 px, in colour
        wider = replace(base.model, height=64, width=64, channels=world.channels)
    else:
        assert isinstance(base.model, LMCConfig)  # published in grey
        output = "sigmoid" if world.colour else base.model.output
        wider = replace(base.model, channels=world.channels, output=output)
    return replace(base, model=wider, data=DataConfig(source=world.name))


def _dlh(world: World, levels: int, size: Size) -> Experiment:
    """DLH with its stages. At the paper's size: the recipe for two cores with the paper's networks
    and batches, as the paper's own has no stages.
    """
    ball = world.name == MOVING_BALL
    base = preset("moving-ball-long" if ball else "moving-mnist-small")
    model, training = base.model, base.training
    assert isinstance(model, DLHConfig)
    if size == "paper":
        steps = 2_000 if ball else 5_000
        longer = of_length(base, steps)
        assert isinstance(longer.model, DLHConfig)
        training = replace(
            longer.training,
            later_steps=training.later_steps,
            batch_size=100,
            clip_length=100,
            learning_rate=1e-3,
        )
        model = DLHConfig(
            initial_std=model.initial_std, emergence=longer.model.emergence, dynamics=LONG_DYNAMICS
        )
    model = replace(
        model,
        num_levels=levels,
        channels=world.channels,
        likelihood_std=world.likelihood_std,
    )
    own = ball and size == "cores"
    data = base.data if own else DataConfig(source=world.name)
    return replace(base, model=model, data=data, training=training)


def _flat_beside(base: Experiment) -> Experiment:
    model = base.model
    assert isinstance(model, DLHConfig)
    flat = FlatConfig(
        channels=model.channels,
        height=model.height,
        width=model.width,
        convolution_channels=model.convolution_channels,
        likelihood_std=model.likelihood_std,
    )
    training = replace(base.training, later_steps=(), gradient_norm=None)
    return replace(base, preset=f"{base.preset}-flat", model=flat, training=training)
