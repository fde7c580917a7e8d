"""What a score was computed of, and how: everything that has to be equal for two to be compared."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dlh.errors import DlhError, UsageError
from dlh.evaluation.scores.frames import Metric
from dlh.settings import check_at_least, suggestion, to_plain, values_of

CLIPPING = "predictions are clipped to [0, 1] before they are scored"
BEST_OF = "one sample per clip and metric, the best by its mean over all predicted frames"
RESAMPLES, COVERAGE = 1000, 0.95
"""Of the bootstrap over clips."""
MOST_VALUES = 2**26
"""Pixel values that are drawn in one call: 256 MiB of float32."""


class ProtocolError(DlhError, ValueError):
    """A protocol that cannot be, or two that differ; the message names what."""

    code = "protocol"


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The numbers that a protocol of some name fixes.

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


@dataclass(frozen=True, kw_only=True)
class ScoredClips:
    """Which clips.

    Attributes:
        name: of the data set, for people.
        split: "test" or "validation"; None where nobody said.
        clips: how many.
        frame_shape: (channel, height, width).
        manifest_sha256: of the manifest that names the clips; where they have none, of the bytes of
            all their frames, context and truth.
        truth_sha256: of the frames to be predicted, rounded to 8 bits, so that the same clips are
            known again in a file of predictions.
    """

    name: str
    split: str | None
    clips: int
    frame_shape: tuple[int, int, int]
    manifest_sha256: str
    truth_sha256: str


@dataclass(frozen=True, kw_only=True)
class ScoredModel:
    """What was scored.

    Attributes:
        name: as it was asked for.
        sha256: of its weights and configuration, or of the file that holds the predictions.
        to_unit_range: how the model's predictions got into [0, 1]; empty where that is not known.
        temperature, decision_temperature: at which its futures were drawn, of states and of
            decisions.
    """

    name: str
    sha256: str
    to_unit_range: str = ""
    temperature: float = 1.0
    decision_temperature: float = 1.0


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """A metric with everything that decides its values."""

    name: str
    higher_is_better: bool
    parameters: Mapping[str, Any]

    @classmethod
    def of(cls, metric: Metric) -> MetricSpec:
        return cls(
            name=metric.name,
            higher_is_better=metric.higher_is_better,
            parameters=dict(metric.parameters),
        )


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Saved with every result.

    Attributes:
        name: what was asked for, "paper" for example; for people.
        data: which clips.
        context: frames observed; None where a file of predictions does not say.
        horizon: frames predicted, all of which are scored.
        samples: futures drawn of each clip.
        samples_per_draw: how many of them are drawn in one call, with one generator. The energy
            score compares samples within such a block.
        seed: of the draws, of the choice of other clips and of the bootstrap.
        metrics: those that could be computed.
        model: what was scored.
        software: versions and device, by name.
        clipping, best_of: in words.
        resamples, coverage: of the bootstrap over clips.
    """

    name: str
    data: ScoredClips
    context: int | None
    horizon: int
    samples: int
    samples_per_draw: int
    seed: int
    metrics: tuple[MetricSpec, ...]
    model: ScoredModel
    software: Mapping[str, str]
    clipping: str = CLIPPING
    best_of: str = BEST_OF
    resamples: int = RESAMPLES
    coverage: float = COVERAGE

    def __post_init__(self) -> None:
        counts = values_of(self, "context", "horizon", "samples", "samples_per_draw")
        check_at_least(1, error=ProtocolError, **counts)
        check_at_least(0, error=ProtocolError, seed=self.seed)

    def blocks(self, samples: int | None = None) -> list[range]:
        """The samples in blocks of nearly equal size, each drawn in one call; no block has a single
        sample unless there is only one.
        """
        samples = self.samples if samples is None else samples
        count = -(-samples // self.samples_per_draw)
        edges = [samples * index // count for index in range(count + 1)]
        return [range(start, end) for start, end in itertools.pairwise(edges)]

    def digest(self) -> str:
        """SHA-256 of all of it."""
        plain = json.dumps(to_plain(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).hexdigest()


def samples_per_draw(samples: int, horizon: int, frame_shape: tuple[int, int, int]) -> int:
    """How many futures one call may draw: as many as memory bounds, at least three.

    A function of the protocol alone, so that the same protocol draws the same futures anywhere.
    """
    channels, height, width = frame_shape
    return min(samples, max(3, MOST_VALUES // (horizon * channels * height * width)))


def differences(ours: Protocol, theirs: Protocol) -> list[str]:
    """What keeps two results from being compared, a line each; empty where they may be.

    The model, the software and the name of the protocol may differ, and so may the manifest where
    the frames are the same. A metric that only one of them has cannot disagree.
    """
    found = []
    for name, what in (
        ("context", "frames observed"),
        ("horizon", "frames predicted"),
        ("samples", "samples"),
        ("seed", "seed"),
        ("clipping", "clipping"),
        ("best_of", "choice of the best sample"),
        ("samples_per_draw", "samples in a block"),
        ("resamples", "resamples of the bootstrap"),
        ("coverage", "coverage of the intervals"),
    ):
        mine, other = getattr(ours, name), getattr(theirs, name)
        if mine != other:
            found.append(f"{what}: {_said(mine)} and {_said(other)}")
    mine, other = ours.data, theirs.data
    if mine.clips != other.clips:
        found.append(f"number of clips: {mine.clips} and {other.clips}")
    if mine.frame_shape != other.frame_shape:
        found.append(f"frames (channel, height, width): {mine.frame_shape} and {other.frame_shape}")
    if mine.truth_sha256 != other.truth_sha256 and not found:
        found.append(
            f"clips: SHA-256 of their frames {mine.truth_sha256[:12]}... ({mine.name}) and "
            f"{other.truth_sha256[:12]}... ({other.name})"
        )
    specs = {spec.name: spec for spec in theirs.metrics}
    for spec in ours.metrics:
        there = specs.get(spec.name)
        if there is None:
            continue
        for key in sorted({*spec.parameters, *there.parameters}):
            here, elsewhere = spec.parameters.get(key), there.parameters.get(key)
            if here != elsewhere:
                found.append(f"{spec.name}, {key}: {_said(here)} and {_said(elsewhere)}")
    return found


def _said(value: object) -> object:
    return "not given" if value is None else value
