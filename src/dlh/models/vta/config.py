"""The sizes of a VTA, its limits on segments, and the switches for the published code's faults."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from dlh.models.frame_config import FrameConfig
from dlh.settings import ConfigError, check_at_least, check_positive, values_of
from dlh.video import VideoError


@dataclass(frozen=True, kw_only=True)
class VTAConfig(FrameConfig):
    """Variational temporal abstraction as published; the defaults are the published configuration.

    The last four settings are switches. Three of them mend faults of the published code and are off
    by default. ``segment_limit`` is on: it agrees with the published code at the published window,
    and the published rule makes no sense at a longer one.

    Kept without a switch, because the trained function depends on them: the standard deviations are
    sigmoids without a floor, so one can underflow to 0 and a divergence become infinite (training
    refuses a loss that is not finite); the last frames of a clip are forced to be boundaries, yet
    the boundary divergence of the first of them scores the sample that was replaced; in evaluation
    mode boundaries are drawn without noise and the limits are off, so the terms of the objective
    are comparable with published validation curves, and their sum is no bound.

    Attributes:
        height: of a frame in pixels, a power of two from 8; 32 is published, 64 has one convolution
            more each way.
        width: of a frame in pixels; frames are square.
        convolution_channels: of every convolution of the encoder, the decoder and the boundary
            posterior.
        belief_size: of the two beliefs (GRU states), of the frames' features and of the features
            that the two levels put out. At a boundary the lower belief is the upper feature, so
            they have one size.
        state_size: of the Gaussian state of each level.
        context_steps: frames at each end of a training clip which are context: they are encoded but
            not scored, and they are boundaries.
        likelihood_std: the fixed standard deviation of a pixel, in units of the dequantised frame
            in [-1, 1).
        max_segment_length: steps after which the boundary prior must begin a segment.
        max_segments: segments in a window after which the boundary prior must not begin another;
            where both limits apply, ``max_segment_length`` wins.
        window_steps: length of the window for which ``max_segments`` is meant.
        segment_limit: "proportional": a window longer than ``window_steps`` may have as many more
            segments; "published": ``max_segments`` at any length, so that after a few segments of
            a long window every boundary comes from ``max_segment_length``.
        generation_limits: whether the limits hold in generation too. The prior is trained under
            them; the published code generates without.
        generated_boundaries: "argmax": the likelier of the two, as published, so that the states'
            noise alone decides when a segment ends; "sampled": drawn from the boundary prior.
        way_back: from the model's output to a frame in [0, 1]. "grey_levels": the 32 values of the
            5-bit frames, as published; "smooth": the line through them, which has no steps.

    Raises:
        ConfigError: a setting is invalid; the message holds its name and value, and what is
            allowed.
    """

    kind: ClassVar[str] = "vta"

    height: int = 32
    width: int = 32
    convolution_channels: int = 128
    belief_size: int = 128
    state_size: int = 8
    context_steps: int = 5
    likelihood_std: float = 1.0
    max_segment_length: int = 8
    max_segments: int = 5
    window_steps: int = 20
    segment_limit: Literal["proportional", "published"] = "proportional"
    generation_limits: bool = False
    generated_boundaries: Literal["argmax", "sampled"] = "argmax"
    way_back: Literal["grey_levels", "smooth"] = "grey_levels"

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("convolution_channels", "belief_size", "state_size")
        steps = ("context_steps", "max_segment_length", "max_segments", "window_steps")
        check_at_least(1, **values_of(self, *sizes, *steps))
        check_positive(likelihood_std=self.likelihood_std)

    def check_frame_size(self) -> None:
        """Refuse frames that are not square or not of a power of two."""
        if self.height != self.width:
            raise ConfigError(
                f"frames of VTA are square, found height {self.height} and width {self.width}"
            )
        if self.height < 8 or self.height & (self.height - 1):
            raise ConfigError(
                f"height and width are a power of two from 8, found {self.height} and {self.width}"
            )

    @property
    def halvings(self) -> int:
        """Convolutions of stride 2 that bring a frame to 4 x 4: 3 at 32 pixels, 4 at 64."""
        return self.height.bit_length() - 3

    def scored_steps(self, frames: int) -> int:
        """The window of a clip of this many frames: the frames that are scored.

        Raises:
            VideoError: the clip has no frame beside its context.
        """
        if frames <= 2 * self.context_steps:
            raise VideoError(
                f"a clip has at least {2 * self.context_steps + 1} frames: {self.context_steps} of "
                f"context at each end and one that is scored; found {frames}",
                code="too-few-frames",
            )
        return frames - 2 * self.context_steps

    def most_segments(self, steps: int) -> int:
        """The most segments in a window of this many steps."""
        if self.segment_limit == "published":
            return self.max_segments
        proportional = math.ceil(self.max_segments * steps / self.window_steps)
        return max(self.max_segments, proportional)
