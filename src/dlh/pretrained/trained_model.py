"""Trained models, which take videos as people have them: of any kind, and the hierarchy's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor, nn

from dlh.analysis.surprise import EventList, Evidence, list_events
from dlh.data.video.arrays import RECOGNISED, ArrayForm
from dlh.data.video.decode import Video, open_video
from dlh.data.video.live import LiveVideo
from dlh.data.video.resize import Crop, Fit
from dlh.errors import UsageError
from dlh.interfaces import DecidingModel, ModelConfig, Prediction, Temperature, TrainableModel
from dlh.models.dlh import Carried, DLHConfig, DynamicLatentHierarchy, Noise, Rollout, Trace
from dlh.pretrained import files
from dlh.pretrained.trained_on import TrainedOn, figures_of, motion_of
from dlh.settings import check_at_least
from dlh.training.device import choose_device
from dlh.training.held_out import BOUND
from dlh.training.randomness import step_generator
from dlh.training.speed import lay_out
from dlh.video import VideoError, check_shape, check_video, from_stored

AnyVideo = str | Path | np.ndarray | Tensor | Sequence[np.ndarray | Tensor | Image]
"""A video as people have it; :class:`TrainedModel` says which axes and values."""
FRAMES_AT_ONCE = 200
SAME_RATE = 0.05
"""Rates that differ by less are the same: a change then lasts as many frames."""


class UnsupportedError(UsageError):
    """Something was asked of a model that models of its kind cannot do.

    Attributes:
        kind: of the model.
        asked: what, in a word: "events".
    """

    code = "unsupported-by-model"

    def __init__(self, message: str, *, kind: str, asked: str) -> None:
        super().__init__(message)
        self.kind, self.asked = kind, asked


def retimed_to(own: float | None, trained: float | None) -> float | None:
    """The rate to which a video of ``own`` frames a second is re-timed for a model that was trained
    at another; None where it is the same, or one is unknown.
    """
    return trained if own and trained and abs(own / trained - 1) > SAME_RATE else None


class TrainedModel:
    """A trained model of any kind.

    Videos may be given as a path, as stored uint8 frames ([batch,] time, height, width, channel),
    as a float tensor in [0, 1], ([batch,] time, channel, height, width), or as a list of frames:
    pictures of Pillow, or arrays or tensors of one frame each. Arrays, tensors and pictures must
    have the model's frame size; a file is resized to it.

    Attributes:
        model: the network, for all that is not here.
        device: where it computes.
        trained_on: what is known of the videos that it was trained on; None for nothing.
    """

    def __init__(
        self,
        model: TrainableModel,
        device: str | torch.device = "cpu",
        trained_on: TrainedOn | None = None,
    ) -> None:
        assert isinstance(model, nn.Module)
        self.trained_on = trained_on
        self.device = choose_device(str(device))
        self.model: Any = model.to(self.device).eval()
        lay_out(self.model, "channels-last")

    def __repr__(self) -> str:
        channels, height, width = self.model.frame_shape
        parameters = sum(weights.numel() for weights in self.model.parameters())
        levels = getattr(self.config, "num_levels", None)
        return (
            f"{type(self).__name__}({self.config.kind}, "
            + (f"{levels} levels, " if levels else "")
            + f"frames of {height} x {width} x {channels}, {parameters:,} parameters, "
            f"on {self.device})"
        )

    @property
    def config(self) -> ModelConfig:
        """What the model was built from."""
        return self.model.config

    @classmethod
    def from_pretrained(cls, name: str | Path, device: str | torch.device = "cpu") -> Self:
        """Load a model from a folder (a finished run is one), by the name of a shipped one, or from
        the hub.

        Raises:
            PretrainedError: there is none of that name, or its files are missing, damaged or of
                another version.
            TrainingError: the device is not there.
            UnsupportedError: of :class:`DLH`, the model is of another kind.
        """
        folder = files.find(name)
        return cls(files.read_model(folder), device, files.read_trained_on(folder))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors into ``folder``.

        Raises:
            PretrainedError: they cannot be written there.
        """
        files.write_model(Path(folder), self.model, trained_on=self.trained_on)

    def push_to_hub(self, name: str, *, private: bool = False) -> None:
        """Upload the model to the Hugging Face hub as ``owner/name``; needs a login there.

        Raises:
            PretrainedError: the hub refuses, or cannot be reached.
        """
        files.upload(self.model, name, private=private, trained_on=self.trained_on)

    def predict(
        self,
        video: AnyVideo,
        *,
        horizon: int = 300,
        samples: int = 100,
        seed: int = 0,
        temperature: float = 1.0,
        decision_temperature: float = 1.0,
    ) -> Prediction:
        """``samples`` futures of ``horizon`` frames after ``video``, all of which is observed.

        Args:
            video: what is observed.
            horizon: frames to predict.
            samples: futures.
            seed: of the draws.
            temperature: factor on the noise of the states.
            decision_temperature: what the logits of the levels' changes are divided by.

        Raises:
            UsageError: horizon or samples is below 1, or a temperature below 0.
            VideoError, DataError: the video cannot be used.
        """
        generator = torch.Generator(self.device).manual_seed(seed)
        context = self.as_video(video)
        return self.model.predict(
            context,
            horizon=horizon,
            samples=samples,
            generator=generator,
            temperature=Temperature(states=temperature, decisions=decision_temperature),
        )

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
        """As many samples one by one, for when all frames would fill the memory.

        A deterministic model's one future comes as often as was asked.

        Args:
            video, horizon, samples, seed, temperature, decision_temperature: as in
                :meth:`predict`.

        Raises:
            UsageError: horizon or samples is below 1, or a temperature below 0.
            VideoError, DataError: the video cannot be used.
        """
        check_at_least(1, error=UsageError, horizon=horizon, samples=samples)
        context = self.as_video(video)
        drawn_at = Temperature(states=temperature, decisions=decision_temperature)
        return self._one_by_one(context, horizon, samples, seed, drawn_at)

    @torch.no_grad()
    def _one_by_one(
        self, context: Tensor, horizon: int, samples: int, seed: int, temperature: Temperature
    ) -> Iterator[Prediction]:
        generator = torch.Generator(self.device).manual_seed(seed)
        for _ in range(samples):
            yield self.model.predict(
                context, horizon=horizon, samples=1, generator=generator, temperature=temperature
            )

    @torch.no_grad()
    def elbo(self, video: AnyVideo, *, seed: int = 0) -> Tensor:
        """The evidence lower bound of every frame, nats: how well the model explains it, higher is
        better. Its sum over a clip is the bound of the clip (Eq. 8).

        Args:
            video: one or a batch, all of which is held in memory.
            seed: of the sampled states.

        Returns:
            (batch, time); without the frames at either end that a model takes as context only.

        Raises:
            UnsupportedError: the model has no bound.
            VideoError, DataError: the video cannot be used.
        """
        generator = torch.Generator(self.device).manual_seed(seed)
        found = self.model.objective(self.as_video(video), generator=generator)
        if found.elbo is None:
            raise UnsupportedError(
                f"a model of the kind {self.config.kind} has no evidence lower bound; take a model "
                "of another kind",
                kind=self.config.kind,
                asked="elbo",
            )
        paid = [found[name].sum(2) for name in found.terms if name != "reconstruction"]
        return found["reconstruction"] - sum(paid)

    def events(
        self, video: AnyVideo | Iterable[AnyVideo], *, fps: float | None = None, seed: int = 0
    ) -> EventList:
        """When something changed, level by level, in one video; only a model that decides says so.

        Args:
            video: one, or the pieces of one.
            fps: frames per second, to give times in seconds; a file brings its own.
            seed: of the randomness.

        Raises:
            UnsupportedError: the model decides nothing.
            UsageError: fps is no positive number.
            VideoError, DataError: the video cannot be used, or has fewer than two frames.
        """
        self.check_decides()
        pieces, fps = self._pieces_of(video, fps)
        found = list(self.evidence(pieces, seed=seed))
        frames = sum(piece.frames for piece in found)
        if frames < 2:
            raise VideoError(f"a change needs at least 2 frames, found {frames}")
        return list_events(Evidence.concatenate(found), fps=fps)

    @property
    def decides_piecewise(self) -> bool:
        """Whether :meth:`evidence` holds a piece of the video in memory, not all of it."""
        return False

    def check_decides(self) -> None:
        """Raise UnsupportedError unless the model decides when something changes."""
        if not isinstance(self.model, DecidingModel | DynamicLatentHierarchy):
            raise UnsupportedError(
                f"a model of the kind {self.config.kind} decides nothing, so it has no events; "
                "take a model of the kind dlh or vta",
                kind=self.config.kind,
                asked="events",
            )

    @torch.no_grad()
    def evidence(self, pieces: Iterable[AnyVideo], *, seed: int = 0) -> Iterator[Evidence]:
        """What the model decides about one video, for each of its pieces or for all together.

        A model of this kind looks ahead, so the whole video is held in memory and answered at once.

        Args:
            pieces: of the video, in order.
            seed: of the randomness.

        Raises:
            UnsupportedError: the model decides nothing.
            VideoError, DataError: the video cannot be used.
        """
        self.check_decides()
        parts = [_of_one_video(self.as_video(piece)) for piece in pieces]
        if parts:
            generator = torch.Generator(self.device).manual_seed(seed)
            decisions = self.model.decide(torch.cat(parts, 1), generator=generator)
            yield Evidence.of_decisions(decisions)

    def _pieces_of(
        self, video: AnyVideo | Iterable[AnyVideo], fps: float | None
    ) -> tuple[Iterable[AnyVideo], float | None]:
        """A video as its pieces, and its frames per second: a file's own where none are given."""
        if isinstance(video, str | Path):
            opened = self.open(video)
            return self.pieces(opened), opened.fps if fps is None else fps
        if isinstance(video, Sequence) and len(video) and _is_frame(video[0]):
            video = _of_frames(video, channels=self.model.frame_shape[0])
        if isinstance(video, np.ndarray | Tensor):
            return _split(video), fps
        return cast(Iterable[AnyVideo], video), fps

    def pieces(self, video: Video, length: int = FRAMES_AT_ONCE) -> Iterator[np.ndarray]:
        """An open video in pieces to observe, uint8 (time, height, width, channel).

        Warns (``VideoWarning``) where only a part of a file could be read.
        """
        return video.pieces(length)

    def read(self, path: str | Path, frames: int | None = None) -> tuple[np.ndarray, float]:
        """The (first) frames of a video file, uint8 (time, height, width, channel), and its rate.

        They are resized to the model's; the rate is in frames per second.
        """
        video = self.open(path)
        return video.read(frames), video.fps

    def open(
        self,
        path: str | Path,
        *,
        fps: float | None = None,
        crop: Crop | None = None,
        fit: Fit | None = None,
        form: ArrayForm = RECOGNISED,
        as_trained: bool = True,
    ) -> Video:
        """A video file in the model's size, to be read piece by piece.

        Args:
            path: the file, or a folder of pictures.
            fps: re-times it to this many frames a second; None re-times it to the rate at which the
                model was trained, where both are known and differ.
            crop: the part of each frame that is used; None for all of it.
            fit: how frames of another shape are brought to the model's; None as it was trained.
            form: what is known of an array file.
            as_trained: whether the rate at which the model was trained matters.

        Raises:
            DataError: it cannot be read.
        """
        channels, height, width = self.model.frame_shape
        known = self.trained_on or TrainedOn()

        def opened(rate: float | None) -> Video:
            return open_video(
                path,
                height=height,
                width=width,
                channels=channels,
                fps=rate,
                crop=crop,
                fit=fit or known.fit,
                form=form,
            )

        video = opened(fps)
        rate = retimed_to(video.source_fps, known.fps)
        return opened(rate) if as_trained and fps is None and rate is not None else video

    def describe_resizing(self, video: Video | LiveVideo) -> str | None:
        """What is done to the frames of an open video, in a line for a person.

        None where they are taken as they are.
        """
        channels, height, width = self.model.frame_shape
        done, target = [], video.target
        if target.crop is not None:
            done.append("the part at {}, {} of {} x {} pixels".format(*target.crop))
        if video.source_size != (width, height):
            how = "padded" if target.fit == "pad" else "resized"
            done.append("{} from {} x {} to {} x {}".format(how, *video.source_size, width, height))
        if channels == 1:
            done.append("read as grey")
        own = video.source_fps
        if own and target.fps is not None and abs(own / video.fps - 1) > SAME_RATE:
            done.append(f"re-timed from {own:.4g} to {video.fps:.4g} frames a second")
        if not done:
            return None
        known = self.trained_on or TrainedOn()
        as_trained = target.fps in (None, known.fps) and target.crop == known.crop
        said = ", as the model was trained" if as_trained and target.fit == known.fit else ""
        if known.crop is not None and target.crop is None:
            x, y, *size = known.crop
            said = (
                f"; the model was trained on the part at {x}, {y} of {size[0]} x {size[1]} pixels "
                "(--crop)"
            )
        return f"{video.path}: {', '.join(done)}{said}"

    def describe_unlikeness(self, frames: np.ndarray) -> str | None:
        """How far a video is from those that the model was trained on, in a line for a person.

        Args:
            frames: the first of the video, uint8 (time, height, width, channel).

        Returns:
            None where it is like them, has too few frames to tell, or nothing is known of them.
        """
        known = self.trained_on
        if known is None or known.low is None or known.high is None:
            return None
        found = figures_of(self.model, frames[None], steps=known.steps)
        if not found:
            return None
        motion = motion_of(frames[None, : known.steps]).item()
        if known.unlike(found[0]):
            unit = " nats a frame" if known.figure == BOUND else ""
            said = f"{known.figure} {found[0]:.5g}{unit}"
            own = f"{known.low:.5g} to {known.high:.5g}"
        elif known.moves_otherwise(motion):
            said = f"two frames differ by {motion:.2%} of the range from black to white"
            own = f"{known.least_motion:.2%} to {known.most_motion:.2%}"
        else:
            return None
        return (
            f"unlike what the model was trained on: {said} on the first {known.steps} frames, "
            f"where clips of its own data have {own}; trust the result little"
        )

    def as_video(self, video: AnyVideo) -> Tensor:
        """``video`` by the project's convention, on the model's device, in its number format.

        Raises:
            VideoError, DataError: the video cannot be used.
        """
        if isinstance(video, str | Path):
            video, _ = self.read(video)
        if not isinstance(video, np.ndarray | Tensor):
            video = _of_frames(video, channels=self.model.frame_shape[0])
        weight = next(self.model.parameters())
        if isinstance(video, np.ndarray):
            if video.dtype != np.uint8:
                raise VideoError(
                    f"an array of frames is uint8 (time, height, width, channel), found "
                    f"{video.dtype} of shape {video.shape}; give floats in [0, 1] as a tensor "
                    "(time, channel, height, width)"
                )
            stored = from_stored(video, self.device, weight.dtype)
            return check_shape(stored, self.model.frame_shape)
        if video.ndim == 4:
            video = video[None]
        check_video(video, self.model.frame_shape)
        return video.to(device=self.device, dtype=weight.dtype)


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A video observed up to here: what the model carries, and how many frames it has seen."""

    carried: Carried
    frames_seen: int


class DLH(TrainedModel):
    """A trained Dynamic Latent Hierarchy.

    Videos may be given as a path, as stored uint8 frames ([batch,] time, height, width, channel),
    as a float tensor in [0, 1], ([batch,] time, channel, height, width), or as a list of frames:
    pictures of Pillow, or arrays or tensors of one frame each. Arrays, tensors and pictures must
    have the model's frame size; a file is resized to it.

    Attributes:
        model: the network, for all that is not here.
        device: where it computes.
        trained_on: what is known of the videos that it was trained on; None for nothing.
    """

    model: DynamicLatentHierarchy

    def __init__(
        self,
        model: TrainableModel,
        device: str | torch.device = "cpu",
        trained_on: TrainedOn | None = None,
    ) -> None:
        """Take a network.

        Raises:
            UnsupportedError: it is a model of another kind.
        """
        if not isinstance(model, DynamicLatentHierarchy):
            kind = model.config.kind
            raise UnsupportedError(
                f"this is a model of the kind {kind}, and a hierarchy (kind dlh) is needed; "
                "dlh.open_model opens any model",
                kind=kind,
                asked="hierarchy",
            )
        super().__init__(model, device, trained_on)

    @property
    def config(self) -> DLHConfig:
        """What the model was built from."""
        return self.model.config

    @torch.no_grad()
    def imagine(
        self,
        video: AnyVideo | Stream,
        *,
        horizon: int = 300,
        samples: int = 100,
        seed: int = 0,
        temperature: float = 1.0,
        decision_temperature: float = 1.0,
    ) -> Rollout:
        """The states and decisions of futures; :meth:`decode` turns the states into frames.

        They are those of :meth:`predict` with the same arguments.

        Args:
            video: what is observed; or the stream that :meth:`observe` returned, after which the
                futures begin.
            horizon, samples, seed, temperature, decision_temperature: as in :meth:`predict`.

        Returns:
            ``state`` (batch * samples, horizon, levels, state), ``changed`` (batch * samples,
            horizon, levels), levels from the pixels up; the samples of one video are neighbours.

        Raises:
            UsageError: horizon or samples is below 1, or a temperature below 0.
            VideoError, DataError: the video cannot be used.
        """
        check_at_least(1, error=UsageError, horizon=horizon, samples=samples)
        drawn_at = Temperature(states=temperature, decisions=decision_temperature)
        generator = torch.Generator(self.device).manual_seed(seed)
        if isinstance(video, Stream):
            carried = video.carried
        else:
            _, carried = self.model.observe(self.as_video(video), generator=generator)
        drawn, _ = self.model.imagine(
            carried.repeat(samples), horizon, generator=generator, temperature=drawn_at
        )
        return drawn

    def _one_by_one(
        self, context: Tensor, horizon: int, samples: int, seed: int, temperature: Temperature
    ) -> Iterator[Prediction]:
        drawn = self.imagine(
            context,
            horizon=horizon,
            samples=samples,
            seed=seed,
            temperature=temperature.states,
            decision_temperature=temperature.decisions,
        )
        return self._decoded(drawn, samples)

    @torch.no_grad()
    def decode(self, state: Tensor) -> Tensor:
        """The frames of states of all levels (Eq. 11), inferred, imagined, or changed by hand.

        Args:
            state: (..., levels, state), levels from the pixels up, as in a :class:`Trace` or a
                :class:`Rollout`.

        Returns:
            The decoder's means in [0, 1], (..., channel, height, width).

        Raises:
            UsageError: the last two axes are others.
        """
        needed = (self.config.num_levels, self.config.state_size)
        if state.ndim < 2 or tuple(state.shape[-2:]) != needed:
            raise UsageError(
                f"states of this model have the axes (..., levels, state) = (..., {needed[0]}, "
                f"{needed[1]}), found {tuple(state.shape)}"
            )
        rows = state.to(next(self.model.parameters())).reshape(-1, *needed)
        return self.model.shown(rows).reshape(*state.shape[:-2], *self.model.frame_shape)

    def reconstruct(self, video: AnyVideo, *, seed: int = 0) -> Tensor:
        """A video as the model sees it: decoded from the states inferred about it.

        Args:
            video: one or a batch.
            seed: of the sampled states.

        Returns:
            In [0, 1], (batch, time, channel, height, width).

        Raises:
            VideoError, DataError: the video cannot be used.
        """
        trace, _ = self.observe(video, seed=seed)
        return self.decode(trace.state)

    def features(
        self,
        video: AnyVideo | Iterable[AnyVideo],
        *,
        levels: Sequence[int] | None = None,
        seed: int = 0,
    ) -> np.ndarray:
        """What the model knows at each frame of one video, for another task: the mean of the
        posterior that each level holds (q_t, Eq. 13).

        It reads no later frame, and holds no more than a piece of the video in memory.

        Args:
            video: one, or the pieces of one.
            levels: n of the levels, from 1; None for all.
            seed: of the sampled states, on which the posteriors of lower levels depend.

        Returns:
            float32 (time, levels * state), one level after the other.

        Raises:
            UsageError: there is no such level, or none is asked for.
            VideoError, DataError: the video cannot be used, or is a batch.
        """
        known = range(1, self.config.num_levels + 1)
        chosen = list(known if levels is None else levels)
        if not chosen or not set(chosen) <= set(known):
            raise UsageError(f"this model has levels 1 to {known[-1]}, found {chosen}")
        found, stream = [], None
        for piece in self._pieces_of(video, None)[0]:
            trace, stream = self.observe(_of_one_video(self.as_video(piece)), stream, seed=seed)
            held = trace.posterior.mean[0][:, [level - 1 for level in chosen]]
            found.append(held.flatten(1).float().cpu().numpy())
        if not found:
            raise VideoError("features are those of at least one frame, found none")
        return np.concatenate(found)

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

    @property
    def decides_piecewise(self) -> bool:
        """True: what a hierarchy decides depends on no later frame."""
        return True

    def evidence(self, pieces: Iterable[AnyVideo], *, seed: int = 0) -> Iterator[Evidence]:
        """What the model decides about each piece of one video of any length, as it is observed.

        Args:
            pieces: of the video, in order.
            seed: of the sampled states.

        Raises:
            VideoError, DataError: the video cannot be used.
        """
        stream = None
        for piece in pieces:
            trace, stream = self.observe(_of_one_video(self.as_video(piece)), stream, seed=seed)
            yield Evidence.of_trace(trace)

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


def of_network(
    model: TrainableModel,
    device: str | torch.device = "cpu",
    trained_on: TrainedOn | None = None,
) -> DLH | TrainedModel:
    """A trained network as a person uses it: a :class:`DLH` where it is a hierarchy."""
    if isinstance(model, DynamicLatentHierarchy):
        return DLH(model, device, trained_on)
    return TrainedModel(model, device, trained_on)


def open_model(name: str | Path, device: str | torch.device = "cpu") -> DLH | TrainedModel:
    """Load a model of any kind, a :class:`DLH` where it is a hierarchy.

    Args:
        name: a folder (a finished run is one), a shipped model, or one on the hub as owner/name.
        device: where it computes; "auto" is a GPU where there is one.

    Raises:
        PretrainedError: there is none of that name, or its files are missing, damaged or of
            another version.
        TrainingError: the device is not there.
    """
    folder = files.find(name)
    return of_network(files.read_model(folder), device, files.read_trained_on(folder))


def _split(video: np.ndarray | Tensor) -> Iterator[AnyVideo]:
    """A video ([batch,] time, ...) in pieces of time; one of other axes whole, to be refused."""
    if video.ndim not in (4, 5):
        yield video
        return
    axis = video.ndim - 4
    for start in range(0, max(1, video.shape[axis]), FRAMES_AT_ONCE):
        piece = slice(start, start + FRAMES_AT_ONCE)
        yield video[piece] if axis == 0 else video[:, piece]


def _is_frame(one: object) -> bool:
    return isinstance(one, Image) or (isinstance(one, np.ndarray | Tensor) and one.ndim == 3)


def _of_frames(frames: Sequence[Any], *, channels: int) -> np.ndarray | Tensor:
    """A list of frames as one video.

    Raises:
        VideoError: it is empty, or its entries are no frames of one kind and size.
    """
    mode = "L" if channels == 1 else "RGB"
    read: list[Any] = [
        np.asarray(one.convert(mode)).reshape(*one.size[::-1], channels)
        if isinstance(one, Image)
        else one
        for one in frames
    ]
    kinds = {(type(one).__name__, str(getattr(one, "dtype", "")), np.shape(one)) for one in read}
    if len(kinds) != 1 or not _is_frame(read[0]):
        found = ", ".join(" ".join(map(str, kind)).strip() for kind in sorted(kinds)[:3])
        raise VideoError(
            "a list of frames has at least one, all of one kind and size: pictures of Pillow, "
            "uint8 arrays (height, width, channel) or float tensors (channel, height, width); "
            f"found {found or 'none'}"
        )
    return torch.stack(read) if isinstance(read[0], Tensor) else np.stack(read)


def _of_one_video(video: Tensor) -> Tensor:
    if len(video) > 1:
        raise VideoError(f"events are those of one video, found a batch of {len(video)}")
    return video
