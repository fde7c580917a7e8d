"""When did something change? The evidence of every frame and level, and the list of events.

The selection test (Eqs. 4, 20, 21) holds two divergences against each other: how far the frame's
posterior is from what the level already believes (``static_divergence``), and how far it is from
what the level expects after a transition (``change_divergence``). Their difference is the
*surprise*: nats of evidence that this frame begins something new. A tested level wants to change
where it is not negative, and does where the level below changes too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from dlh.errors import UsageError
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


@dataclass(frozen=True, kw_only=True, repr=False)
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

    def __repr__(self) -> str:
        found = "changes always" if self.always_changes else f"events={len(self.events)}"
        return f"LevelEvents(level={self.level}, {found})"


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


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was decided about one video, or about the next piece of one, and why.

    numpy arrays of axes (time, levels), levels from the pixels up: some 26 bytes for each frame and
    level, so that an hour at ten frames a second takes two megabytes. NaN: nothing was tested.

    Attributes:
        changed: e_t^n, bool.
        surprise: as of an :class:`Event`.
        static_divergence: KL[q' || b], nats.
        change_divergence: KL[q' || p'], nats.
        change_probability: p(e = 1) before the frame was seen.
        began: of every level, float32 (changes, 2, state): mean and std of the posterior at each
            frame at which it changed, in order; None for level 1, and where the model does not say.
    """

    changed: np.ndarray
    surprise: np.ndarray
    static_divergence: np.ndarray
    change_divergence: np.ndarray
    change_probability: np.ndarray
    began: tuple[np.ndarray | None, ...]

    @classmethod
    def of_trace(cls, trace: Trace, *, clip: int = 0) -> Evidence:
        """Of one clip of a trace.

        Raises:
            ValueError: the trace has no clip of that number.
        """
        clips = len(trace.changed)
        if not 0 <= clip < clips:
            raise ValueError(f"the trace holds clips 0 to {clips - 1}, found clip {clip}")
        found = surprise(trace)
        untested = ~found.tested[clip].cpu().numpy()
        changed = trace.changed[clip].cpu().numpy()

        def column(values: Tensor) -> np.ndarray:
            numbers = values[clip].float().cpu().numpy().copy()
            numbers[untested] = np.nan
            return numbers

        posterior = trace.posterior.map(lambda part: part[clip].float().cpu())
        gaussian = np.stack([posterior.mean.numpy(), posterior.std.numpy()], 2)
        return cls(
            changed=changed,
            surprise=column(found.surprise),
            static_divergence=column(found.static_divergence),
            change_divergence=column(found.change_divergence),
            change_probability=column(found.change_probability),
            began=tuple(
                gaussian[changed[:, index], index] if index else None
                for index in range(changed.shape[1])
            ),
        )

    @classmethod
    def of_decisions(cls, decisions: Decisions, *, clip: int = 0) -> Evidence:
        """Of one clip of a model that says how sure it is of a change, and nothing of divergences
        or states.
        """
        changed = decisions.changed[clip].cpu().numpy()
        evidence = decisions.evidence[clip].float().cpu().numpy().copy()
        evidence[0] = evidence[:, 0] = np.nan
        unknown = np.full_like(evidence, np.nan)
        return cls(
            changed=changed,
            surprise=evidence,
            static_divergence=unknown,
            change_divergence=unknown,
            change_probability=unknown,
            began=(None,) * changed.shape[1],
        )

    @classmethod
    def concatenate(cls, pieces: Sequence[Evidence]) -> Evidence:
        """The pieces of one video, in order of time."""
        whole = {
            field.name: np.concatenate([getattr(piece, field.name) for piece in pieces])
            for field in fields(cls)
            if field.name != "began"
        }
        began = tuple(
            None if parts[0] is None else np.concatenate(parts)
            for parts in zip(*(piece.began for piece in pieces), strict=True)
        )
        return cls(**whole, began=began)

    @property
    def frames(self) -> int:
        """Of the video, or of the piece."""
        return len(self.changed)

    @property
    def levels(self) -> int:
        """N."""
        return self.changed.shape[1]

    def frames_of(self, level: int) -> np.ndarray:
        """The frames, from 0, at which a level from 2 on changed and there is evidence of it."""
        return np.flatnonzero(self.changed[:, level - 1] & ~np.isnan(self.surprise[:, level - 1]))


def list_events(evidence: Evidence, *, fps: float | None = None) -> EventList:
    """When something changed in one video, level by level.

    Args:
        evidence: of the whole video.
        fps: frames per second, to give times in seconds.

    Raises:
        UsageError: the frame rate is no positive number.
    """
    if fps is not None and not 0 < fps < float("inf"):
        raise UsageError(f"the frame rate is a positive number of frames per second, found {fps}")

    def of_level(index: int) -> LevelEvents:
        nats = _known(evidence.surprise[:, index])
        return LevelEvents(
            level=index + 1,
            always_changes=index == 0,
            events=tuple(
                Event(
                    frame=frame,
                    seconds=None if fps is None else frame / fps,
                    surprise=float(evidence.surprise[frame, index]),
                )
                for frame in evidence.frames_of(index + 1).tolist()
            ),
            changed=tuple(evidence.changed[:, index].tolist()),
            surprise=nats,
            static_divergence=_known(evidence.static_divergence[:, index]),
            change_divergence=_known(evidence.change_divergence[:, index]),
            change_probability=_known(evidence.change_probability[:, index]),
        )

    levels = tuple(map(of_level, range(evidence.levels)))
    return EventList(frames=evidence.frames, fps=fps, levels=levels)


def event_list(trace: Trace, *, fps: float | None = None, clip: int = 0) -> EventList:
    """:func:`list_events` of one clip of a trace."""
    return list_events(Evidence.of_trace(trace, clip=clip), fps=fps)


def _known(column: np.ndarray) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else value for value in column.tolist())
