"""LMC-Memory: one step, folded over true frames and over its own predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dlh.errors import UsageError
from dlh.interfaces import Prediction
from dlh.models.lmc.config import SHORTEST_CLIP, LMCConfig
from dlh.models.lmc.frames import FrameDecoder, FrameEncoder
from dlh.models.lmc.memory import MotionAttention, MotionMemory
from dlh.models.lmc.recurrence import ConvolutionalLSTM, LSTMState
from dlh.settings import check_at_least
from dlh.video import VideoError, check_video

Video = Float[Tensor, "batch time channel height width"]


@dataclass(frozen=True)
class Rollout:
    """Predicted frames.

    Attributes:
        frames: as the decoder puts them out; they may leave [0, 1].
        attention: to each channel of the recalled motion, in (0, 1).
    """

    frames: Float[Tensor, "batch time channel height width"]
    attention: Float[Tensor, "batch time hidden"]


class LMCMemory(nn.Module):
    """Stacked convolutional LSTMs that predict frame by frame, helped by recalled motion.

    Deterministic, without a likelihood. Nothing recurrent is kept on the module: state goes in and
    comes out.
    """

    def __init__(self, config: LMCConfig) -> None:
        super().__init__()
        self.config = config
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
    def frame_shape(self) -> tuple[int, int, int]:
        """(channel, height, width) of the frames it takes."""
        return self.config.frame_shape

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
    ) -> Prediction:
        """The one future after a context, clipped to [0, 1]; the context is the short clip.

        Args:
            context: at least 9 frames in [0, 1]; training uses ``config.context_steps`` of them.
            horizon: frames to predict.
            samples: without effect, because the model is deterministic: one is returned.
            generator: without effect.

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

    def check(self, video: Tensor, least: int) -> None:
        """Check that the model can take a video of at least so many frames.

        Raises:
            VideoError: it cannot; the message holds what was found.
        """
        check_video(video, self.frame_shape)
        if video.shape[1] < least:
            raise VideoError(
                f"this model needs at least {least} frames here, found {video.shape[1]}; motion is "
                f"encoded from at least {SHORTEST_CLIP}",
                code="too-few-frames",
            )
        own = next(self.parameters()).dtype
        if video.dtype != own:
            raise VideoError(
                f"this model computes in {own}, found a video of {video.dtype}; use video.to({own})"
            )
