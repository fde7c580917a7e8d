"""What a validation says about a run: whether it is the best so far, and which levels work."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from dlh.training.metrics import BEST_BY, BEST_STEP, VALIDATION
from dlh.training.progress import Progress

BOUND = "elbo"
"""The figure of a validation by which a model with a bound is judged, nats per frame."""
RATE = "change_rate.L"
"""With the number n of a level behind it: how often e^n is 1 after the first frame, in [0, 1]."""

LevelState = Literal["dead", "restless"]
"""A level that never changes, or that changes at every step."""

_SAID = {
    "dead": "level {n} has died: on held-out clips it never changes after the first frame",
    "restless": "level {n} never rests: on held-out clips it changes at every frame",
}


FALLING = 4
"""Validations without a new best one after which a person is told."""


def level_states(rates: Sequence[float]) -> dict[int, LevelState]:
    """The levels, n from 2, that do not work as they should, from the change rates of all levels.

    Level 1 is left out: it changes at every step by definition.
    """
    found: dict[int, LevelState] = {}
    for level, rate in enumerate(rates[1:], start=2):
        if rate in (0.0, 1.0):
            found[level] = "dead" if rate == 0.0 else "restless"
    return found


def take_validation(
    progress: Progress,
    figures: Mapping[str, float],
    *,
    clips: int,
    judged_by: str = BOUND,
    warmup_steps: int = 0,
) -> Sequence[str]:
    """Enter the figures of a validation of the present step into the counters.

    A level counts as dead or restless when two validations in a row found it so, the second after
    the warm-up, and is then spoken of once.

    Args:
        progress: changed in place.
        figures: by name.
        clips: how many clips they were measured on; the figures of other clips do not compare.
        judged_by: the figure by which the best checkpoint is chosen, the higher the better.
        warmup_steps: until then a figure may fall, and a level rest or not, because the loss is
            still changing.

    Returns:
        What a person should be told about the levels and the figure; mostly nothing.
    """
    before, now = _states_of(progress.validation), _states_of(figures)
    lasting = {n: state for n, state in now.items() if before.get(n) == state}
    if progress.step <= warmup_steps:
        lasting = {}
    # What was said holds until a validation finds something else.
    states = lasting | {n: said for n, said in progress.levels.items() if now.get(n) == said}
    lines = [
        f"step {progress.step}: {_SAID[state].format(n=level)}"
        for level, state in sorted(states.items())
        if progress.levels.get(level) != state
    ]
    for level in sorted(progress.levels.keys() - states.keys()):
        rate = figures.get(f"{RATE}{level}", math.nan)
        lines.append(
            f"step {progress.step}: level {level} works again: on held-out clips it changes at "
            f"{rate:.1%} of frames"
        )
    progress.levels = dict(states)
    progress.validated, progress.validation = progress.step, dict(figures)
    _compare(progress, figures.get(judged_by, math.nan), clips, warmup_steps)
    if progress.worse == FALLING:
        lines.append(
            f"step {progress.step}: {judged_by} of held-out clips was best at step "
            f"{progress.best_step}, and has not risen in {FALLING} validations: the model begins "
            "to know its training clips by heart. The best model is kept; more or longer videos, "
            "augmentation (--data.augment) or a smaller model help, more steps do not"
        )
    return lines


def is_best(progress: Progress) -> bool:
    """Whether the present step is the best so far."""
    return progress.best is not None and progress.best_step == progress.step


def validation_entry(progress: Progress, *, judged_by: str = BOUND) -> dict[str, Any]:
    """A line of metrics.jsonl: the last validation, and which step was best so far, by what."""
    figures = {VALIDATION + name: value for name, value in progress.validation.items()}
    best: dict[str, Any] = {} if progress.best is None else {BEST_STEP: progress.best_step}
    if best and judged_by != BOUND:
        best[BEST_BY] = judged_by
    return {
        "step": progress.step,
        **figures,
        **best,
        "validation_seconds": progress.validation_seconds,
    }


def _compare(progress: Progress, found: float, clips: int, warmup_steps: int) -> None:
    if math.isfinite(found) and (
        progress.best is None or progress.best_clips != clips or found > progress.best
    ):
        progress.best, progress.best_step, progress.best_clips = found, progress.step, clips
        progress.worse = 0
    elif progress.best is not None and progress.step > warmup_steps:
        progress.worse += 1


def _states_of(figures: Mapping[str, float]) -> dict[int, LevelState]:
    rates = {}
    for name, value in figures.items():
        if match := re.fullmatch(re.escape(RATE) + r"(\d+)", name):
            rates[int(match.group(1))] = value
    upper = [rates.get(level, math.nan) for level in range(2, max(rates, default=1) + 1)]
    return level_states([1.0, *upper])
