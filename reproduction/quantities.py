"""What a record says, one number each; KeyError or None where it says nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
FLOORS = ("black_frame", "mean_frame", "last_frame")


def seed_of(record: Record) -> int:
    """The seed that it was trained with."""
    return record["settings"]["training"]["seed"]


def at(*names: str) -> Callable[[Record], float | None]:
    """The value below ``final`` under these names."""

    def value(record: Record) -> float | None:
        found: Any = record["final"]
        for name in names:
            found = found[name]
        return found

    return value


def levels_of(record: Record) -> Sequence[Mapping[str, Any]]:
    """What was found of each level, from level 1."""
    return record["final"]["levels"]


def upper_nats(record: Record) -> float:
    """State divergence of all levels above the second."""
    return sum(level["state_kl"]["mean"] for level in levels_of(record)[2:])


def upper_share(record: Record) -> float:
    """The same, of that of all levels."""
    nats = sum(level["state_kl"]["mean"] for level in levels_of(record))
    return upper_nats(record) / nats if nats else 0.0


def depth_off(record: Record) -> float:
    """Mean depth less 1 + the true change rate."""
    depth = record["final"]["depth"]
    return depth["mean_depth"]["mean"] - 1 - depth["true_change_rate"]


def surprisal_gap(record: Record) -> float:
    """What the model has yet to learn, nats per step."""
    said = record["final"]["foresight"]
    return said["model"]["surprisal"]["mean"] - said["knows_past"]["surprisal"]["mean"]


def recall_of_bounces(record: Record) -> float | None:
    """Where no change is random, all are bounces."""
    events = record["final"]["events"]
    random = record["settings"]["data"]["ball"]["colour_change_probability"]
    return events["recalls"]["bounces"] if random else events["recall"]


def switch_off(record: Record) -> float | None:
    """The predicted ball's switch rate over the true one's, less 1."""
    world = record["final"]["futures"]["world"]
    rate = world.get("switch_rate")
    return None if rate is None else rate / world["true_switch_rate"] - 1


def above_floors(record: Record) -> float:
    """PSNR of the best future over that of the best floor, dB."""
    psnr = record["final"]["futures"]["psnr"]
    floors = [psnr[name] for name in FLOORS if name in psnr]
    return psnr["best"] - max(floors)
