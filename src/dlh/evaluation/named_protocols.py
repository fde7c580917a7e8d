"""The protocols that have a name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dlh.errors import UsageError
from dlh.settings import check_at_least, suggestion, values_of


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
        counts = values_of(self, "context", "horizon", "samples", "clips")
        check_at_least(1, error=UsageError, **counts)


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
        raise UsageError(
            f"there is no protocol {name!r}{suggestion(name, list(PROTOCOLS))}",
            code="no-such-protocol",
        )
    numbers = PROTOCOLS[name]
    return replace(numbers, horizon=MAZE_HORIZON) if name == "paper" and of_mazes else numbers
