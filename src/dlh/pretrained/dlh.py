"""The public class: a trained hierarchy, and what opens a model of any kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from dlh.analysis.surprise import EventList, event_list
from dlh.errors import UsageError
from dlh.interfaces import Prediction, Temperature, TrainableModel
from dlh.models.dlh import Carried, DLHConfig, DynamicLatentHierarchy, Noise, Rollout, Trace
from dlh.pretrained import files, lookup
from dlh.pretrained.trained_model import (
    FRAMES_AT_ONCE,
    AnyVideo,
    TrainedModel,
    UnsupportedError,
)
from dlh.settings import check_at_least
from dlh.training.randomness import step_generator
from dlh.video import VideoError


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A video observed up to here: what the model carries, and how many frames it has seen."""

    carried: Carried
    frames_seen: int


class DLH(TrainedModel):
    """A trained Dynamic Latent Hierarchy.

    Videos may be given as a path, as stored uint8 frames ([batch,] time, height, width, channel),
    or as a float tensor in [0, 1], ([batch,] time, channel, height, width). Arrays and tensors must
    have the model's frame size; a file is resized to it.

    Attributes:
        model: the network, for all that is not here.
        device: where it computes.
    """

    model: DynamicLatentHierarchy

    def __init__(self, model: DynamicLatentHierarchy, device: str | torch.device = "cpu") -> None:
        super().__init__(model, device)

    @property
    def config(self) -> DLHConfig:
        """What the model was built from."""
        return self.model.config

    @classmethod
    def from_pretrained(cls, name: str | Path, device: str | torch.device = "cpu") -> Self:
        """Load a model from a folder (a finished run is one), by the name of a shipped one, or from
        the hub.

        Raises:
            UnsupportedError: it is a model of another kind.
            PretrainedError: there is none of that name, or its files are missing, damaged or of
                another version.
        """
        model = files.read_model(lookup.find(name))
        if not isinstance(model, DynamicLatentHierarchy):
            kind = model.config.kind
            raise UnsupportedError(
                f"{name} is a model of the kind {kind}, and this needs a hierarchy (kind dlh); "
                "dlh.open_model opens any model",
                kind=kind,
                asked="hierarchy",
            )
        return cls(model, device)

    @torch.no_grad()
    def futures(
        self,
        video: AnyVideo,
        *,
        horizon: int = 300,
        samples: int = 100,
        seed: int = 0,
        temperature: float = 1.0,
        decision_temperature: float = 1.0,
    ) -> Iterator[Prediction]:
        """The samples of :meth:`predict` one by one, for when all frames would fill the memory.

        Raises:
            UsageError: horizon or samples is below 1, or a temperature below 0.
            VideoError, DataError: the video cannot be used.
        """
        check_at_least(1, error=UsageError, horizon=horizon, samples=samples)
        generator = torch.Generator(self.device).manual_seed(seed)
        _, carried = self.model.observe(self.as_video(video), generator=generator)
        drawn, _ = self.model.imagine(
            carried.repeat(samples),
            horizon,
            generator=generator,
            temperature=Temperature(states=temperature, decisions=decision_temperature),
        )
        return self._decoded(drawn, samples)

    @torch.no_grad()
    def observe(
        self, video: AnyVideo, stream: Stream | None = None, *, seed: int = 0
    ) -> tuple[Trace, Stream]:
        """All that is inferred about a video, or about the next piece of a long or live one.

        The noise of a frame is a function of the seed and the frame's place in the stream, so a
        video observed in pieces gives what it gives at once::

            stream = None
            for piece in pieces:
                trace, stream = model.observe(piece, stream)

        Args:
            video: the (next) frames.
            stream: what the piece before returned; None begins a video.
            seed: of the sampled states; one stream keeps one seed.

        Raises:
            VideoError, DataError: the video cannot be used, or is another batch than the stream's.
        """
        frames = self.as_video(video)
        seen = stream.frames_seen if stream else 0
        carried = stream.carried if stream else None
        if carried is not None and len(carried.seen) != len(frames):
            raise VideoError(
                f"the stream is one of {len(carried.seen)} videos, found a piece of {len(frames)}"
            )
        noise = self._noise(len(frames), range(seen, seen + frames.shape[1]), seed)
        trace, carried = self.model.observe(frames, carried, noise=noise)
        return trace, Stream(carried=carried, frames_seen=seen + frames.shape[1])

    def events(
        self, video: AnyVideo | Iterable[AnyVideo], *, fps: float | None = None, seed: int = 0
    ) -> EventList:
        """When something changed, level by level, in one video of any length.

        Args:
            video: one, or the pieces of one; it is observed piece by piece.
            fps: frames per second, to give times in seconds; a file brings its own.
            seed: of the sampled states.

        Raises:
            VideoError, DataError: the video cannot be used, or has fewer than two frames.
        """
        if isinstance(video, str | Path):
            frames = self.open(video)
            fps = frames.fps if fps is None else fps
            pieces: Iterable[AnyVideo] = self.pieces(frames)
        elif isinstance(video, np.ndarray | Tensor):
            pieces = _split(video)
        else:
            pieces = video
        stream, traces = None, []
        for piece in pieces:
            trace, stream = self.observe(piece, stream, seed=seed)
            traces.append(_decisions(trace))
        if stream is None or stream.frames_seen < 2:
            found = stream.frames_seen if stream else 0
            raise VideoError(f"a change needs at least 2 frames, found {found}")
        if len(stream.carried.seen) > 1:
            raise VideoError(
                f"events are those of one video, found a batch of {len(stream.carried.seen)}"
            )
        return event_list(Trace.concatenate(traces, 1), fps=fps)

    @torch.no_grad()
    def _decoded(self, drawn: Rollout, samples: int) -> Iterator[Prediction]:
        for first in range(samples):  # of the rollout's rows: the samples of a video are neighbours
            frames = self.model.decode(drawn.frame_context[first::samples]).clamp_(0, 1)
            yield Prediction(frames=frames[:, None], changed=drawn.changed[first::samples, None])

    def _noise(self, batch: int, steps: range, seed: int) -> Noise:
        weight = next(self.model.parameters())
        parts = [
            Noise.draw(
                self.config,
                batch,
                1,
                like=weight,
                generator=step_generator(seed, step, 0, self.device),
            )
            for step in steps
        ]
        return Noise.concatenate(parts, 1)


def of_network(model: TrainableModel, device: str | torch.device = "cpu") -> DLH | TrainedModel:
    """A trained network as a person uses it: a :class:`DLH` where it is a hierarchy."""
    if isinstance(model, DynamicLatentHierarchy):
        return DLH(model, device)
    return TrainedModel(model, device)


def open_model(name: str | Path, device: str | torch.device = "cpu") -> DLH | TrainedModel:
    """Load a model of any kind, a :class:`DLH` where it is a hierarchy.

    Args:
        name: a folder (a finished run is one), a shipped model, or one on the hub as owner/name.
        device: where it computes.

    Raises:
        PretrainedError: there is none of that name, or its files are missing, damaged or of
            another version.
    """
    return of_network(files.read_model(lookup.find(name)), device)


def _split(video: np.ndarray | Tensor) -> Iterator[AnyVideo]:
    """A video ([batch,] time, ...) in pieces of time; one of other axes whole, to be refused."""
    if video.ndim not in (4, 5):
        yield video
        return
    axis = video.ndim - 4
    for start in range(0, max(1, video.shape[axis]), FRAMES_AT_ONCE):
        piece = slice(start, start + FRAMES_AT_ONCE)
        yield video[piece] if axis == 0 else video[:, piece]


def _decisions(trace: Trace) -> Trace:
    """A trace without its large parts, which events do not need: a long video has many."""
    small = replace(
        trace,
        memory=trace.memory[..., :0],
        context=trace.context[..., :0],
        frame_context=trace.frame_context[..., :0],
    )
    return small.map(lambda part: part.to("cpu", copy=True))
