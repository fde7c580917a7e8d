"""LMC-Memory: one step, folded over true frames and over its own predictions; and its training.

An iteration has two phases, each with an update: motion is stored, then recalled for a short clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.errors import UsageError
from dlh.interfaces import (
    AS_LEARNT,
    PLAIN,
    TRAINED,
    Execution,
    Figures,
    Objective,
    Optimiser,
    Phase,
    Plan,
    Prediction,
    Stage,
    Temperature,
    Update,
)
from dlh.models.frame_model import FrameModel, Video
from dlh.models.lmc.config import SHORTEST_CLIP, LMCConfig
from dlh.models.lmc.frames import FrameDecoder, FrameEncoder
from dlh.models.lmc.losses import LongClip, PredictionError
from dlh.models.lmc.memory import MotionAttention, MotionMemory, Recall
from dlh.models.lmc.recurrence import ConvolutionalLSTM, LSTMState
from dlh.settings import check_at_least
from dlh.video import VideoError


@dataclass(frozen=True)
class Rollout:
    """Predicted frames.

    Attributes:
        frames: as the decoder puts them out; they may leave [0, 1].
        attention: to each channel of the recalled motion, in (0, 1).
    """

    frames: Float[Tensor, "batch time channel height width"]
    attention: Float[Tensor, "batch time hidden"]


class LMCMemory(FrameModel):
    """Stacked convolutional LSTMs that predict frame by frame, helped by recalled motion.

    Deterministic, without a likelihood.

    Attributes:
        shortest_context: frames that it must see to predict: motion is encoded from as many.
    """

    shortest_context: ClassVar[int] = SHORTEST_CLIP
    config: LMCConfig

    def __init__(self, config: LMCConfig) -> None:
        super().__init__(config)
        self.encoder = FrameEncoder(config)
        self.decoder = FrameDecoder(config)
        _, features = config.frame_channels
        inputs = (features, *[config.hidden_channels] * (config.num_layers - 1))
        self.lstms = nn.ModuleList(
            ConvolutionalLSTM(size, config.hidden_channels) for size in inputs
        )
        self.memory = MotionMemory(config)
        self.attention = MotionAttention(config)

    @property
    def _lstms(self) -> list[ConvolutionalLSTM]:
        return [cast(ConvolutionalLSTM, lstm) for lstm in self.lstms]

    def advance(
        self, frame: Float[Tensor, "batch channel height width"], states: Sequence[LSTMState]
    ) -> list[LSTMState]:
        """One step: the state of each layer after one more frame."""
        inputs, after = self.encoder(frame), []
        for lstm, state in zip(self._lstms, states, strict=True):
            after.append(lstm.step(lstm.input(inputs), state))
            inputs = after[-1].hidden
        return after

    def observe(self, video: Video, states: Sequence[LSTMState] | None = None) -> list[LSTMState]:
        """:meth:`advance` folded over true frames: the state of each layer after the last one.

        The frames are known, so all but the LSTMs' recurrences is batched over time: the encoder,
        and layer by layer the share of the inputs.

        Args:
            video: true frames.
            states: after the frames before these; None starts a sequence.
        """
        frames = video.transpose(0, 1)
        inputs = self.encoder(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        if states is None:
            states = [lstm.start(inputs[0]) for lstm in self._lstms]
        after = []
        for lstm, state in zip(self._lstms, states, strict=True):
            inputs, last = lstm.sequence(inputs, state)
            after.append(last)
        return after

    def emit(
        self, top: LSTMState, motion: Float[Tensor, "batch hidden h w"]
    ) -> tuple[Float[Tensor, "batch channel height width"], Float[Tensor, "batch hidden"]]:
        """The next frame, and the attention to each channel of the recalled motion."""
        attention = self.attention(top.cell, motion).to(motion.dtype)
        frame = self.decoder(top.hidden, attention[..., None, None] * motion)
        return frame.to(motion.dtype), attention

    def imagine(
        self,
        states: Sequence[LSTMState],
        motion: Float[Tensor, "batch hidden h w"],
        horizon: int,
    ) -> Rollout:
        """:meth:`advance` folded over its own predictions, not clipped: ``horizon`` frames.

        Args:
            states: of each layer after the last true frame.
            motion: recalled for the clip.
            horizon: frames to predict.
        """
        frame, attention = self.emit(states[-1], motion)
        frames, attentions = [frame], [attention]
        for _ in range(horizon - 1):
            states = self.advance(frames[-1], states)
            frame, attention = self.emit(states[-1], motion)
            frames.append(frame)
            attentions.append(attention)
        return Rollout(torch.stack(frames, 1), torch.stack(attentions, 1))

    @torch.no_grad()
    def predict(
        self,
        context: Video,
        *,
        horizon: int,
        samples: int = 1,
        generator: torch.Generator | None = None,
        temperature: Temperature = AS_LEARNT,
    ) -> Prediction:
        """The one future after a context, clipped to [0, 1]; the context is the short clip.

        Args:
            context: at least 9 frames in [0, 1]; training uses ``config.context_steps`` of them.
            horizon: frames to predict.
            samples: without effect, because the model is deterministic: one is returned.
            generator, temperature: without effect.

        Raises:
            UsageError: horizon or samples is below 1.
            VideoError: the context does not follow the convention, has frames of another shape, is
                too short, or is not of the model's floating-point type.
        """
        check_at_least(1, error=UsageError, horizon=horizon, samples=samples)
        self.check(context, SHORTEST_CLIP)
        motion = self.memory.match(context).motion
        frames = self.imagine(self.observe(context), motion, horizon).frames
        return Prediction(frames=frames.clamp(0, 1)[:, None])

    def storing(
        self,
        video: Video,
        *,
        long_clip: LongClip | None = None,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> Objective:
        """Phase 1: predict with the motion of a long clip, which holds frames to be predicted.

        The gradient reaches all but the matching encoder.

        Args:
            video: float in [0, 1]: ``context_steps`` frames, then those to be predicted.
            long_clip: drawn from ``generator`` where not given.
            generator: of the start of the long clip, one for all shares of a batch.
            update: of which the first ``warmup_iterations`` predict fewer frames.
            execution: without effect.

        Raises:
            VideoError: the video has other axes, another type or frames of another shape, or is too
                short.
        """
        iteration = update.number + 1
        context, targets = self._training_clip(video, iteration)
        if long_clip is None:
            long_clip = LongClip.draw(
                self.config, video.shape[1], iteration=iteration, generator=generator
            )
        return self._error(context, self.memory.store(long_clip.of(video)), targets).objective()

    def matching(
        self,
        video: Video,
        *,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> Objective:
        """Phase 2: predict with the motion recalled for the context alone, as in testing.

        The gradient reaches all but the context encoder and the slots. Nothing is drawn.

        Args:
            video: as in :meth:`storing`.
            generator: without effect.
            update: as in :meth:`storing`.
            execution: without effect.

        Raises:
            VideoError: as in :meth:`storing`.
        """
        context, targets = self._training_clip(video, update.number + 1)
        return self._error(context, self.memory.match(context), targets).objective()

    def objective(
        self,
        video: Video,
        *,
        generator: torch.Generator | None = None,
        update: Update = TRAINED,
        execution: Execution = PLAIN,
    ) -> Objective:
        """How far predictions are off, as :meth:`matching` has it: the phase that is as testing."""
        return self.matching(video, generator=generator, update=update, execution=execution)

    @property
    def plan(self) -> Plan:
        """The two phases, one optimiser: Adam without clipping. Judged by predictions."""
        adam = Optimiser(
            without_gradient="zero" if self.config.unreached_gradient == "zero" else "skipped"
        )
        phases = (
            Phase(objective=self.storing, name="storing", held=("memory.matching",)),
            Phase(
                objective=self.matching, name="matching", held=("memory.context", "memory.slots")
            ),
        )
        return Plan(stages=(Stage(phases=phases, optimiser=adam),), judged_by="psnr")

    @torch.no_grad()
    def figures(self, video: Video, *, generator: torch.Generator | None = None) -> Figures:
        """Of the frames predicted after ``context_steps``, clipped, each against what happened:
        ``psnr`` (decibels, the mean over frames), ``absolute_error`` and ``squared_error``.

        Raises:
            VideoError: as in :meth:`storing`.
        """
        steps = self.config.context_steps
        self.check(video, steps + 1)
        targets = video[:, steps:]
        predicted = self.predict(video[:, :steps], horizon=targets.shape[1])
        error = PredictionError.of(predicted.frames[:, 0], targets)
        names = ("psnr", "absolute_error", "squared_error")
        return Figures(values={name: getattr(error, name).mean(1) for name in names})

    def check(self, video: Tensor, least: int = 1) -> None:
        """Check that the model can take a video, and that it has enough frames.

        Raises:
            VideoError: it cannot; the message holds what was found.
        """
        super().check(video)
        if video.shape[1] < least:
            raise VideoError(
                f"this model needs at least {least} frames here, found {video.shape[1]}; motion is "
                f"encoded from at least {SHORTEST_CLIP}",
                code="too-few-frames",
            )

    def _training_clip(
        self, video: Video, iteration: float
    ) -> tuple[
        Float[Tensor, "batch context channel height width"],
        Float[Tensor, "batch horizon channel height width"],
    ]:
        """The context, and the frames to be predicted: while warming up, fewer."""
        config = self.config
        self.check(video, max(config.context_steps + 1, config.long_steps))
        context, targets = video[:, : config.context_steps], video[:, config.context_steps :]
        if iteration <= config.warmup_iterations:
            targets = targets[:, : config.warmup_horizon]
        return context, targets

    def _error(
        self,
        context: Float[Tensor, "batch context channel height width"],
        recall: Recall,
        targets: Float[Tensor, "batch horizon channel height width"],
    ) -> PredictionError:
        """Of the frames predicted after a context with what was recalled."""
        rollout = self.imagine(self.observe(context), recall.motion, targets.shape[1])
        return PredictionError.of(rollout.frames, targets)
