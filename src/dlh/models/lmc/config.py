"""Sizes of LMC-Memory, the clips that it is trained on, and its switches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from dlh.models.frame_config import FrameConfig
from dlh.settings import (
    check_at_least,
    check_sizes,
    values_of,
)

SHORTEST_CLIP = 9
"""Frames whose motion can be encoded: 8 differences, halved three times, leave one in time."""


@dataclass(frozen=True, kw_only=True)
class LMCConfig(FrameConfig):
    """The defaults are the published model for Moving MNIST; :data:`KTH` is the other one.

    Smaller sizes make a model that a CPU can train; it is not the published one.

    Of the published code's faults, ``unreached_gradient`` keeps or mends the one that its numbers
    depend on, and two are kept because they are the method: the storing phase sees the frames to be
    predicted, in training only; a softmax without a temperature reads nearly the mean of all slots.
    That code takes grey frames only: with 3 channels, the inputs of the frame and motion encoders
    and the output of the decoder are widened, and that version is ours. Mended without a switch: a
    resumed run lost the optimiser's state and skipped the warm-up.

    Attributes:
        channels: of a frame, 1 (published) or 3 (ours).
        frame_channels: of the frame encoder at half and at quarter size; the decoder mirrors them.
        num_layers: of stacked convolutional LSTMs.
        hidden_channels: of each LSTM, and of the recalled motion.
        motion_channels: of the motion encoders at full, 1/2, 1/4 and 1/8 size. The last is the
            size of a slot, too.
        num_slots: of the memory.
        attention_size: of the hidden layer of the attention over channels.
        output: of the decoder: "linear" (published for Moving MNIST) or "sigmoid" (published for
            KTH; also for natural frames).
        context_steps: frames that a prediction is trained to follow.
        long_steps: frames of the long clip, whose motion is recalled in the storing phase.
        warmup_iterations: first iterations, on shorter clips.
        warmup_horizon: frames predicted in those; their long clip is the context and these frames.
        unreached_gradient: the gradient of a parameter that a phase does not reach, once another
            phase has reached it. "zero": published, what clearing a gradient left before PyTorch
            2.0. Adam still moves the parameter by its momentum and counts the step, so what a phase
            holds still moves. "none": the fault mended; the parameter stays as it is.

    Raises:
        ConfigError: a setting is invalid; the message holds its name and value, and what is
            allowed.
    """

    kind: ClassVar[str] = "lmc"

    channels: int = 1
    frame_channels: tuple[int, int] = (64, 128)
    num_layers: int = 4
    hidden_channels: int = 128
    motion_channels: tuple[int, int, int, int] = (64, 128, 256, 512)
    num_slots: int = 100
    attention_size: int = 16
    output: Literal["linear", "sigmoid"] = "linear"
    context_steps: int = 10
    long_steps: int = 30
    warmup_iterations: int = 5000
    warmup_horizon: int = 10
    unreached_gradient: Literal["zero", "none"] = "zero"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(count=2, frame_channels=self.frame_channels)
        check_sizes(count=4, motion_channels=self.motion_channels)
        sizes = ("num_layers", "hidden_channels", "num_slots", "attention_size")
        check_at_least(1, **values_of(self, *sizes, "warmup_horizon"))
        check_at_least(0, warmup_iterations=self.warmup_iterations)
        check_at_least(SHORTEST_CLIP, **values_of(self, "context_steps", "long_steps"))


MOVING_MNIST = LMCConfig()
"""Published: clips of 10 + 30 frames, batch 128, Adam with learning rate 2e-4, 300,000
iterations."""

KTH = LMCConfig(height=128, width=128, long_steps=40, output="sigmoid")
"""Published: clips of 10 + 40 frames, batch 32; the rest as for Moving MNIST."""
