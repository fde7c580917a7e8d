"""The recipe of a training run: every number the loop needs, in one validated value."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

from dlh.interfaces import Recompute
from dlh.settings import ConfigError, check_at_least, check_choices, check_positive, values_of

Speed = Literal["auto", "plain", "channels-last", "bf16", "compiled", "bf16-compiled"]
"""How a step is computed; see :mod:`dlh.training.speed`."""

Tracker = Literal["tensorboard", "wandb", "trackio"]
"""Where figures go beside metrics.jsonl."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a model is trained. The defaults are the paper's where it states one.

    Validated when it is made: a value that cannot be used raises a ``ConfigError`` that holds it
    and what is allowed.
    """

    steps: int = 100_000
    """Iterations of the first stage, mostly all there are (the paper gives three days of a V100
    instead of a number)."""

    batch_size: int = 100
    """Clips per step, over all processes (paper: 100)."""

    clip_length: int = 100
    """Frames per clip, T (paper: 100)."""

    learning_rate: float = 5e-4
    """Adam's step size (paper: 5e-4)."""

    later_steps: tuple[int, ...] = ()
    """Iterations of each stage after the first, of a model that is trained in several; none: the
    first stage alone."""

    adam_epsilon: float | None = None
    """Adam's denominator offset; through it the scale of the loss matters. None: the model's
    (dlh: the paper's 1e-4)."""

    beta_warmup_steps: int = 10_000
    """Steps in which the weight of the divergences rises from 0 to 1 (paper: 10,000); 0: none. A
    model that has no such warm-up ignores it."""

    cooldown_steps: int = 0
    """Steps at the end over which the learning rate falls linearly to 0 (paper: none)."""

    rewarm_from: int = 0
    """Step from which a learning rate that had begun to fall rises again, over 500 steps; 0: none.
    Set where a run is resumed for more steps."""

    steps_before: int = 0
    """Updates that such a run was to have before."""

    gradient_norm: float | None = None
    """Gradients of a larger 2-norm are scaled down to it; 0: they are not; None: the model's
    (dlh: 1,000, of a loss in nats per frame)."""

    seed: int = 0
    """Decides, with the number of the step and nothing else, its clips and its noise."""

    starts: int = 1
    """Trainings that are begun, each with weights, clips and noise of its own. With more than one,
    the best after ``start_steps`` goes on (paper: silent)."""

    start_steps: int = 0
    """Steps after which several starts are compared."""

    start_margin: float = 0.0
    """Of the starts whose held-out bound is within so many nats per frame of the highest, the one
    goes on whose levels above the first change the most; with 0, the one with the highest."""

    accumulate: int = 1
    """Parts in which each process computes its clips of a step, one after the other: less memory,
    the same update. ``batch_size`` is divisible by it times the number of processes."""

    recompute: Recompute = "auto"
    """Whether what a gradient needs is computed again instead of kept (always, never), which saves
    memory; auto: for clips of more than 200 frames."""

    speed: Speed = "auto"
    """How a step is computed. Its convolutions: plain (float32), channels-last (float32, another
    layout in memory), bf16 (the same in 16 bits); compiled, bf16-compiled: as these two, and the
    loop over time compiled, which needs a C++ compiler, on a GPU Triton too; auto: by rule, fixed
    when a run begins: bf16 where the hardware has it, on a GPU compiled where that works."""

    threads: int = 0
    """Threads of torch on the CPU; 0: as torch has it. Results are bit-equal for equal numbers."""

    device: str = "auto"
    """Where to compute: auto (CUDA where there is one, else the CPU), cpu, cuda, cuda:0 or mps."""

    checkpoint_every: int = 500
    """Steps between checkpoints. One is also written before a validation, at the end, and when the
    run is stopped."""

    keep_checkpoints: int = 2
    """How many of the newest checkpoints stay; with 1 there is none to fall back to."""

    log_every: int = 50
    """Steps between lines of metrics.jsonl, each the mean over the steps since the line before."""

    validate_every: int = 1_000
    """Steps between validations; 0: only at the end."""

    held_out_clips: int = 32
    """Clips that a validation scores; 0: none, which leaves a run without validation."""

    sample_every: int = 500
    """Steps between pictures of predicted held-out clips, always the same ones with the same noise;
    0: none."""

    trackers: tuple[Tracker, ...] = ()
    """Where every line of metrics.jsonl goes too: tensorboard, wandb, trackio."""

    def __post_init__(self) -> None:
        counts = ("steps", "batch_size", "clip_length", "starts", "accumulate")
        intervals = ("checkpoint_every", "keep_checkpoints", "log_every")
        check_at_least(1, **values_of(self, *counts, *intervals))
        optional = ("beta_warmup_steps", "cooldown_steps", "rewarm_from", "steps_before", "threads")
        starts = ("start_steps", "validate_every", "held_out_clips", "sample_every", "seed")
        check_at_least(0, **values_of(self, *optional, *starts))
        for steps in self.later_steps:
            check_at_least(0, later_steps=steps)
        check_positive(**values_of(self, "learning_rate", "adam_epsilon"))
        if self.gradient_norm != 0:
            check_positive(gradient_norm=self.gradient_norm)
        check_choices(self)
        if self.starts > 1 and not 1 <= self.start_steps <= self.steps:
            raise ConfigError(
                f"start_steps is from 1 to steps ({self.steps}) to compare {self.starts} "
                f"starts, found {self.start_steps}"
            )
        if self.starts > 1 and not self.held_out_clips:
            raise ConfigError(
                f"{self.starts} starts are compared on held-out clips, found held_out_clips = 0"
            )
        if self.batch_size % self.accumulate:
            parts = _nearest_divisors(self.batch_size, self.accumulate)
            raise ConfigError(
                f"batch_size {self.batch_size} cannot be computed in accumulate = "
                f"{self.accumulate} equal parts; {parts}"
            )
        for tracker in self.trackers:
            if tracker not in get_args(Tracker):
                raise ConfigError(
                    f"trackers are of {', '.join(get_args(Tracker))}, found {tracker!r}"
                )
        margin = self.start_margin
        if not isinstance(margin, (int, float)) or not 0 <= margin < math.inf:
            raise ConfigError(f"start_margin is a finite number from 0, found {margin!r}")
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", str(self.device)):
            raise ConfigError(
                f"device is auto, cpu, cuda, cuda:<number> or mps, found {self.device!r}"
            )

    @property
    def total_steps(self) -> int:
        """Iterations of all stages."""
        return self.steps + sum(self.later_steps)


def _nearest_divisors(whole: int, number: int) -> str:
    divisors = [divisor for divisor in range(1, whole + 1) if whole % divisor == 0]
    below = max(divisor for divisor in divisors if divisor <= number)
    above = min(divisor for divisor in divisors if divisor >= min(number, whole))
    return f"{below} or {above} would do" if below != above else f"{below} would do"
