"""What an evaluation is asked for, as plain values, and the protocols that have a name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dlh.errors import UsageError
from dlh.evaluation.scorers import WeightsRequest
from dlh.settings import suggestion


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The numbers of a protocol.

    Attributes:
        context, horizon: frames observed and predicted.
        samples: futures of each clip.
        clips: at most so many.
    """

    context: int
    horizon: int
    samples: int
    clips: int

    def __post_init__(self) -> None:
        for name in ("context", "horizon", "samples", "clips"):
            if (value := getattr(self, name)) < 1:
                raise UsageError(f"{name} is at least 1, found {value}")


DEMO = "demo"
PROTOCOLS = {
    DEMO: Numbers(context=30, horizon=100, samples=16, clips=64),
    "paper": Numbers(context=30, horizon=300, samples=100, clips=100),
}
MAZE_HORIZON = 200
"""The paper predicts 200 frames of mazes, whose videos have 300."""


def protocol_numbers(name: str, *, of_mazes: bool = False) -> Numbers:
    """The numbers of a protocol by name; UsageError where there is none of that name."""
    if name not in PROTOCOLS:
        raise UsageError(f"there is no protocol {name!r}{suggestion(name, list(PROTOCOLS))}")
    numbers = PROTOCOLS[name]
    return replace(numbers, horizon=MAZE_HORIZON) if name == "paper" and of_mazes else numbers


@dataclass(frozen=True, kw_only=True)
class Request:
    """An evaluation, as plain values that can be handed to another process.

    Attributes:
        model: a finished run, a folder with a model, a shipped model or a hub name; None for a file
            of predictions.
        predictions: the file; None for a model.
        protocol: name of the protocol; None for "demo".
        data: what to predict instead of the run's own data.
        manifest: which clips of it.
        context, horizon, samples, clips: instead of the protocol's.
        seed: of the protocol.
        weights: of LPIPS and FVD.
        scratch: a folder of its own for what is unpacked on the way; only predictions need one.
    """

    model: str | None = None
    predictions: Path | None = None
    protocol: str | None = None
    data: str | None = None
    manifest: Path | None = None
    context: int | None = None
    horizon: int | None = None
    samples: int | None = None
    clips: int | None = None
    seed: int = 0
    weights: WeightsRequest = WeightsRequest()  # noqa: RUF009
    scratch: Path | None = None

    def numbers(self, *, of_mazes: bool = False) -> Numbers:
        """The protocol's numbers, and those given here in place of its own."""
        given = {
            name: value
            for name in ("context", "horizon", "samples", "clips")
            if (value := getattr(self, name)) is not None
        }
        return replace(protocol_numbers(self.protocol or DEMO, of_mazes=of_mazes), **given)
