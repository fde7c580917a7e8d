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
    """How a model is trained. Defaults are the paper's values, if it gives one.

    Raises:
        ConfigError: a value is invalid.
    """

    steps: int = 100_000
    """Iterations of the first stage, which most models have alone (the paper gives three days of a
    V100 instead of a number)."""

    batch_size: int = 100
    """Clips per step, over all processes (paper: 100)."""

    clip_length: int = 100
    """Frames per clip, T (paper: 100)."""

    learning_rate: float = 5e-4
    """Learning rate of Adam (paper: 5e-4)."""

    later_steps: tuple[int, ...] = ()
    """Iterations of each stage after the first, for a model that has several; empty: only the first
    stage."""

    adam_epsilon: float | None = None
    """Epsilon of Adam, which decides how much the scale of the loss matters. None: the model's
    (dlh: the paper's 1e-4)."""

    beta_warmup_steps: int = 10_000
    """Steps over which beta, the weight of the divergences, rises from 0 to 1 (paper: 10,000); 0:
    beta is 1 from the start. A model without beta ignores it."""

    beta_low_steps: int = 0
    """The first steps of the warm-up, over which beta rises to .03 only; 0: none. So levels learn
    what there is before they pay for it, and then let go of what is not theirs."""

    cooldown_steps: int = 0
    """Steps at the end over which the learning rate falls linearly to 0 (paper: none)."""

    rewarm_from: int = 0
    """Set when a run is resumed for more steps after its learning rate had begun to fall: the step
    from which it rises again, over 500 steps. 0: never."""

    steps_before: int = 0
    """The number of steps that such a run had before."""

    gradient_norm: float | None = None
    """Largest 2-norm of the gradient; a larger gradient is scaled down to it. 0: no limit. None:
    the model's (dlh: 1,000, for a loss in nats per frame)."""

    seed: int = 0
    """Decides the initial weights, and with the number of a step its clips and its noise."""

    starts: int = 1
    """Trainings to start, each with its own weights, clips and noise. Of several, the best after
    start-steps goes on."""

    start_steps: int = 0
    """Steps after which several starts are compared."""

    start_margin: float = 0.0
    """Nats per frame. Among the starts whose held-out bound is at most this far below the highest,
    the one whose levels above the first change most often goes on. 0: the one with the highest
    bound."""

    accumulate: int = 1
    """Parts into which each process splits its clips of a step, computed one after the other: less
    memory, the same update. The batch size is divisible by this number times the number of
    processes."""

    recompute: Recompute = "auto"
    """Whether intermediate results are computed again for the gradient instead of kept, which saves
    memory: always, never, or auto, for clips of more than 200 frames."""

    speed: Speed = "auto"
    """How a step is computed. plain: convolutions in float32; channels-last: the same in another
    layout in memory; bf16: that layout in bfloat16. compiled and bf16-compiled: channels-last and
    bf16 with the loop over time compiled, which needs a C++ compiler, on a GPU also Triton. auto:
    bf16 if the hardware has it, and on a GPU compiled if that works, chosen when a run begins."""

    threads: int = 0
    """Threads of torch on the CPU; 0: torch's default. Runs with equal numbers are equal bit for
    bit."""

    device: str = "auto"
    """Where to compute: auto (CUDA if there is a GPU, otherwise the CPU), cpu, cuda, cuda:0 or
    mps."""

    checkpoint_every: int = 500
    """Steps between checkpoints. One is also written before a validation, at the end, and when the
    run is stopped."""

    keep_checkpoints: int = 2
    """The number of newest checkpoints to keep; with 1 there is none to fall back to."""

    log_every: int = 50
    """Steps between lines of metrics.jsonl. A line has means over the steps since the last line."""

    validate_every: int = 1_000
    """Steps between validations; 0: only at the end."""

    held_out_clips: int = 32
    """Clips that a validation scores; 0: no validation."""

    patience: int = 0
    """Validations without a new best one, after the warm-up of beta, after which training ends; 0:
    it goes on."""

    minutes: float = 0.0
    """Wall time of updates and validations, over all resumed parts, after which training ends with
    a last validation; 0: no limit."""

    sample_every: int = 500
    """Steps between pictures of predictions, always of the same held-out clips with the same noise;
    0: none."""

    trackers: tuple[Tracker, ...] = ()
    """Trackers that also get every line of metrics.jsonl: tensorboard, wandb, trackio."""

    def __post_init__(self) -> None:
        counts = ("steps", "batch_size", "clip_length", "starts", "accumulate")
        intervals = ("checkpoint_every", "keep_checkpoints", "log_every")
        check_at_least(1, **values_of(self, *counts, *intervals))
        warmup = ("beta_warmup_steps", "beta_low_steps")
        optional = (*warmup, "cooldown_steps", "rewarm_from", "steps_before", "threads")
        starts = (
            "start_steps",
            "validate_every",
            "held_out_clips",
            "sample_every",
            "seed",
            "patience",
        )
        check_at_least(0, **values_of(self, *optional, *starts))
        for steps in self.later_steps:
            check_at_least(0, later_steps=steps)
        if self.beta_low_steps and self.beta_low_steps >= self.beta_warmup_steps:
            raise ConfigError(
                "beta_low_steps are fewer than beta_warmup_steps, found "
                f"{self.beta_low_steps} and {self.beta_warmup_steps}"
            )
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
        if self.patience and (self.later_steps or not self.validate_every):
            raise ConfigError(
                f"patience = {self.patience} needs validate_every and a training of one stage, "
                f"found validate_every = {self.validate_every}, later_steps = {self.later_steps}"
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
        if not 0 <= self.minutes < math.inf:
            raise ConfigError(f"minutes is a finite number from 0, found {self.minutes!r}")
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
