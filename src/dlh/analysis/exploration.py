"""One video looked into by hand: another state at a frame, one level rolled, branching futures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlh.analysis.exchange import Moments, exchange, resample, roll
from dlh.analysis.surprise import Evidence
from dlh.errors import UsageError
from dlh.interfaces import (
    DecidingModel,
    LayeredModel,
    ObservedLevels,
    Temperature,
    shortest_context,
)
from dlh.models.dlh import Trace
from dlh.video import from_stored, to_stored


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """A model and what it inferred about one video. Frames are counted from 0, levels from 1.

    Attributes:
        model: in evaluation mode.
        frames: the video, uint8 (time, height, width, channel).
        observed: by the levels of the model, of a batch of this one video.
        surprise: evidence for a change of each level at each step, nats, (steps, levels); NaN where
            nothing is tested or the model does not say.
    """

    model: LayeredModel
    frames: np.ndarray
    observed: ObservedLevels
    surprise: np.ndarray

    @classmethod
    @torch.no_grad()
    def of(
        cls, model: LayeredModel, frames: np.ndarray, *, device: torch.device, seed: int = 0
    ) -> Exploration:
        """Observe a video.

        Args:
            model: in evaluation mode.
            frames: uint8 (time, height, width, channel).
            device: of the model.
            seed: of the sampled states.

        Raises:
            VideoError: the frames are not those that the model takes.
        """
        video = from_stored(frames, device)
        generator = torch.Generator(device).manual_seed(seed)
        observed = model.observe_levels(video, generator=generator)
        steps, levels = observed.changed.shape[1:]
        surprise = np.full((steps, levels), np.nan, np.float32)
        if isinstance(observed.source, Trace):
            surprise = Evidence.of_trace(observed.source).surprise
        elif isinstance(model, DecidingModel):
            decisions = model.decide(video, generator=generator)
            found = Evidence.of_decisions(decisions).surprise
            surprise = found[model.first_observed :][:steps]
        return cls(model=model, frames=frames, observed=observed, surprise=surprise)

    @property
    def levels(self) -> int:
        """N."""
        return self.observed.changed.shape[2]

    @property
    def first(self) -> int:
        """The first frame that the levels have a state of."""
        return self.model.first_observed

    @property
    def last(self) -> int:
        """The last such frame."""
        return self.first + self.observed.changed.shape[1] - 1

    @property
    def changed(self) -> np.ndarray:
        """Where each level takes a new state, bool (steps, levels)."""
        return self.observed.changed[0].cpu().numpy()

    def reconstructed(self, frame: int) -> np.ndarray:
        """A frame as the model sees it, uint8 (height, width, channel)."""
        place = self._moment(frame)
        return self._decoded(place, place.of(self.observed.state)[:, None])[0]

    def exchanged(self, level: int, frame: int, other: int) -> np.ndarray:
        """A frame in which one level has the state that it has at another frame.

        Raises:
            UsageError: there is no such level or frame.
        """
        self._check_level(level)
        found = exchange(
            self.model, self.observed, [level], self._moment(frame), self._moment(other)
        )
        return to_stored(found.frames[0, 0])

    def resampled(self, level: int, frame: int, *, samples: int, seed: int = 0) -> np.ndarray:
        """A frame with states that one level could have had: draws from its prior.

        Returns:
            uint8 (samples, height, width, channel).

        Raises:
            UsageError: there is no such level or frame.
        """
        self._check_level(level)
        found = resample(
            self.model,
            self.observed,
            [level],
            self._moment(frame),
            samples=samples,
            source="prior",
            generator=self._generator(seed),
        )
        return to_stored(found.frames[0])

    def rolled(self, level: int, frame: int, *, steps: int, seed: int = 0) -> np.ndarray:
        """One level makes transitions by itself, the others keep their states.

        Returns:
            uint8 (steps + 1, height, width, channel); the first is the inferred frame.

        Raises:
            UsageError: there is no such level or frame, or the frame is the last.
        """
        self._check_level(level)
        place = self._moment(frame)
        if frame == self.last:
            raise UsageError(
                f"a level rolls on from a frame with one after it: choose one up to "
                f"{self.last - 1}, found {frame}"
            )
        generator = self._generator(seed)
        return to_stored(
            roll(self.model, self.observed, level, place, steps=steps, generator=generator)[0]
        )

    @torch.no_grad()
    def futures(
        self,
        frame: int,
        *,
        horizon: int,
        samples: int,
        temperature: Temperature | None = None,
        seed: int = 0,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Futures after a frame, which is the last that is observed.

        Returns:
            Frames, uint8 (samples, horizon, height, width, channel), and which levels change,
            bool (samples, horizon, levels); None where the model does not say.

        Raises:
            UsageError: there is no such frame, or too few before it to predict from.
        """
        if not 0 <= frame < len(self.frames):
            raise UsageError(f"the video has frames 0 to {len(self.frames) - 1}, found {frame}")
        if frame + 1 < (needed := shortest_context(self.model)):
            raise UsageError(
                f"this model predicts after {needed} frames: choose frame {needed - 1} or a later "
                f"one, found {frame}"
            )
        found = self.model.predict(
            from_stored(self.frames[: frame + 1], self._device),
            horizon=horizon,
            samples=samples,
            generator=self._generator(seed),
            temperature=temperature or Temperature(),
        )
        changed = None if found.changed is None else found.changed[0].cpu().numpy()
        return to_stored(found.frames[0]), changed

    def followed(self, frame: int, *, horizon: int) -> np.ndarray:
        """What did happen after a frame, fewer frames at the video's end."""
        return self.frames[frame + 1 : frame + 1 + horizon]

    @property
    def _device(self) -> torch.device:
        return self.observed.state.device

    def _generator(self, seed: int) -> torch.Generator:
        return torch.Generator(self._device).manual_seed(seed)

    def _moment(self, frame: int) -> Moments:
        if not self.first <= frame <= self.last:
            raise UsageError(
                f"the levels have states of frames {self.first} to {self.last}, found {frame}"
            )
        step = torch.tensor([frame - self.first], device=self._device)
        return Moments(clip=torch.zeros_like(step), step=step)

    def _decoded(self, place: Moments, state: Tensor) -> np.ndarray:
        frames = self.model.decode_states(self.observed.source, place.clip, place.step, state)
        return to_stored(frames[:, 0])

    def _check_level(self, level: int) -> None:
        if not 1 <= level <= self.levels:
            raise UsageError(f"this model has levels 1 to {self.levels}, found {level}")
