"""The generated worlds: what stands behind the name of a data set that is not of files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlh.data.worlds.bouncing_ball import BouncingBall
from dlh.data.worlds.digits import Digits
from dlh.data.worlds.moving_ball import MovingBall
from dlh.data.worlds.moving_mnist import MovingMNIST
from dlh.data.worlds.two_clocks import TwoClocks

World = MovingBall | TwoClocks | BouncingBall | MovingMNIST
"""A generator whose clips can be named."""

WORLDS: dict[str, tuple[str, type[World]]] = {
    "moving-ball": ("ball", MovingBall),
    "two-clocks": ("clocks", TwoClocks),
    "bouncing-ball": ("bouncing", BouncingBall),
    "moving-mnist": ("mnist", MovingMNIST),
}
"""By the name of a world, the field that holds its settings (in an experiment's data, a manifest,
options), and its class."""


def make_world(name: str, settings: Any, digits: Callable[[], Digits]) -> World:
    """The world of that name.

    Args:
        name: of WORLDS.
        settings: holds the world's own in the field that WORLDS names.
        digits: loads those that move, where there are some.
    """
    field, kind = WORLDS[name]
    config = getattr(settings, field)
    return MovingMNIST(digits(), config) if kind is MovingMNIST else kind(config)


def world_name(world: World) -> str:
    """The name of WORLDS for a world of that class."""
    return next(name for name, (_, kind) in WORLDS.items() if isinstance(world, kind))
