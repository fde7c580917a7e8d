"""When did something change? The evidence of every frame and level, and the list of events.

The selection test (Eqs. 4, 20, 21) holds two divergences against each other: how far the frame's
posterior is from what the level already believes (``static_divergence``), and how far it is from
what the level expects after a transition (``change_divergence``). Their difference is the
*surprise*: nats of evidence that this frame begins something new. A tested level wants to change
where it is not negative, and does where the level below changes too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dlh.interfaces import Decisions
from dlh.models.dlh.trace import Trace


@dataclass(frozen=True, kw_only=True)
class Surprise:
    """The evidence of every frame and level, (batch, time, levels) each.

    Attributes:
        tested: False at level 1, which always changes, and at a sequence's first step, where every
            level must.
        change_divergence: KL[q' || p'], nats; 0 where not tested.
        static_divergence: KL[q' || b], nats; 0 where not tested.
        change_probability: p(e = 1) as predicted before the frame was seen; 1 where not tested.
    """

    tested: Tensor
    change_divergence: Tensor
    static_divergence: Tensor
    change_probability: Tensor

    @property
    def surprise(self) -> Tensor:
        """static_divergence - change_divergence, nats; positive speaks for a change."""
        return self.static_divergence - self.change_divergence


def surprise(trace: Trace) -> Surprise:
    """Read the evidence for a change off a trace."""
    tested = (~trace.first)[..., None].repeat(1, 1, trace.changed.shape[2])
    tested[..., 0] = False
    zero = torch.zeros((), dtype=trace.change_divergence.dtype, device=tested.device)
    probability = trace.change_logit.sigmoid()
    return Surprise(
        tested=tested,
        change_divergence=torch.where(tested, trace.change_divergence, zero),
        static_divergence=torch.where(tested, trace.static_divergence, zero),
        change_probability=torch.where(tested, probability, torch.ones_like(probability)),
    )


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something changed: ``frame`` (counted from 0) is the first of the new state.

    Attributes:
        frame: index, from 0.
        seconds: frame / fps, None where the frame rate is unknown.
        surprise: the evidence for it, nats: static minus change divergence; of a model that tests
            no divergences the log odds of a change.
    """

    frame: int
    seconds: float | None
    surprise: float


@dataclass(frozen=True, kw_only=True)
class LevelEvents:
    """One level's events, and its evidence at every frame (None at the first frame and at level 1:
    no test). A model that tests no divergences has None in the last three.

    Attributes:
        level: n, from 1.
        always_changes: True for level 1, whose changes are no events.
        events: in order of time, without the first frame.
        changed: e_t^n of every frame.
        surprise: the evidence of every frame, as of an :class:`Event`.
        static_divergence: KL[q' || b], nats.
        change_divergence: KL[q' || p'], nats.
        change_probability: p(e = 1) before the frame was seen.
    """

    level: int
    always_changes: bool
    events: tuple[Event, ...]
    changed: tuple[bool, ...]
    surprise: tuple[float | None, ...]
    static_divergence: tuple[float | None, ...]
    change_divergence: tuple[float | None, ...]
    change_probability: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class EventList:
    """What ``dataclasses.asdict`` and ``json.dump`` turn into events.json; ``levels[0]`` is level
    1.

    Attributes:
        frames: number of frames of the video.
        fps: frames per second, None where unknown.
        levels: from the one nearest the pixels.
    """

    frames: int
    fps: float | None
    levels: tuple[LevelEvents, ...]


def decided_events(decisions: Decisions, *, fps: float | None = None, clip: int = 0) -> EventList:
    """The same of a model that says how sure it is of a change, and nothing of divergences.

    Args:
        decisions: of a batch of clips.
        fps: frames per second of the video, to give times in seconds.
        clip: which clip of the batch.
    """
    _check_rate(fps)
    _, frames, levels = decisions.changed.shape
    unknown = (None,) * frames

    def of_level(index: int) -> LevelEvents:
        evidence = decisions.evidence[clip, 1:, index].tolist() if index else unknown[1:]
        changed = tuple(decisions.changed[clip, :, index].tolist())
        surprise = (None, *evidence)
        return LevelEvents(
            level=index + 1,
            always_changes=index == 0,
            events=_events(changed, surprise, fps),
            changed=changed,
            surprise=surprise,
            static_divergence=unknown,
            change_divergence=unknown,
            change_probability=unknown,
        )

    return EventList(frames=frames, fps=fps, levels=tuple(map(of_level, range(levels))))


def event_list(trace: Trace, *, fps: float | None = None, clip: int = 0) -> EventList:
    """When something changed in one clip of a trace, level by level.

    Args:
        trace: of a batch of clips.
        fps: frames per second of the video, to give times in seconds.
        clip: which clip of the batch.
    """
    _check_rate(fps)
    clips, frames, levels = trace.changed.shape
    if not 0 <= clip < clips:
        raise ValueError(f"the trace holds clips 0 to {clips - 1}, found clip {clip}")
    evidence = surprise(trace)
    return EventList(
        frames=frames,
        fps=fps,
        levels=tuple(_level_events(trace, evidence, clip, index, fps) for index in range(levels)),
    )


def _level_events(
    trace: Trace, evidence: Surprise, clip: int, index: int, fps: float | None
) -> LevelEvents:
    tested = evidence.tested[clip, :, index].tolist()

    def column(values: Tensor) -> tuple[float | None, ...]:
        numbers = values[clip, :, index].tolist()
        return tuple(
            number if known else None for number, known in zip(numbers, tested, strict=True)
        )

    changed = tuple(bool(change) for change in trace.changed[clip, :, index].tolist())
    nats = column(evidence.surprise)
    return LevelEvents(
        level=index + 1,
        always_changes=index == 0,
        events=_events(changed, nats, fps),
        changed=changed,
        surprise=nats,
        static_divergence=column(evidence.static_divergence),
        change_divergence=column(evidence.change_divergence),
        change_probability=column(evidence.change_probability),
    )


def _events(
    changed: tuple[bool, ...], evidence: tuple[float | None, ...], fps: float | None
) -> tuple[Event, ...]:
    """The changes of which there is evidence."""
    return tuple(
        Event(frame=frame, seconds=None if fps is None else frame / fps, surprise=nats)
        for frame, (change, nats) in enumerate(zip(changed, evidence, strict=True))
        if change and nats is not None
    )


def _check_rate(fps: float | None) -> None:
    if fps is not None and not 0 < fps < float("inf"):
        raise ValueError(f"the frame rate is a positive number of frames per second, found {fps}")
