"""Measurements of a training step, their means between log lines, and the guard against NaN."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dlh.interfaces import Objective
from dlh.training.errors import NonFiniteError
from dlh.training.progress import Progress
from dlh.training.stages import StageInTime

TIMINGS = (
    *("seconds", "cpu_seconds", "steps_per_second", "data_wait", "validation_seconds"),
    *("memory", "gpu_memory"),
)
"""The names in metrics.jsonl that depend on the clock and the machine; a resumed run repeats all
others exactly."""


def step_figures(objective: Objective) -> dict[str, Tensor]:
    """What is measured of a phase, or of a part of one; still on its device.

    - ``loss``: what is minimised.
    - the terms by name: means over batch and time, in the unit of the term, unweighted; one with
      levels is summed over them, and ``state_kl.L1`` ... ``state_kl.LN`` are the levels' parts.
    - ``mean_depth``: L-bar, the mean over t >= 2 of the number of levels with e_t^n = 1, level 1
      counted (so 1 + the mean number of changing levels above it). The forced first step is left
      out. Only for a model that decides.
    """
    loss = objective.loss
    tensors = {"loss": loss}
    with_levels = {n: t.value for n, t in objective.terms.items() if t.value.ndim > 2}
    for name, term in objective.terms.items():
        tensors[name] = (term.value.sum(2) if name in with_levels else term.value).mean()
    for name, value in with_levels.items():
        levels = value.mean((0, 1)).unbind()
        tensors.update({f"{name}.L{n}": level for n, level in enumerate(levels, start=1)})
    if objective.changed is not None and objective.changed.shape[1] > 1:
        tensors["mean_depth"] = objective.changed[:, 1:].sum(2).to(loss.dtype).mean()
    return {name: value.detach().to(loss) for name, value in tensors.items()}


def iteration_figures(
    stage: StageInTime, phases: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    """The figures of an iteration, from those of its phases.

    Of several phases each figure has its phase's name before it, and ``loss`` is the sum of theirs;
    of a later stage each has the stage's name before it.
    """
    figures = dict(phases[0])
    if len(phases) > 1:
        figures = {"loss": sum(phase["loss"] for phase in phases)}
        for phase, found in zip(stage.stage.phases, phases, strict=True):
            figures |= {f"{phase.name}.{name}": value for name, value in found.items()}
    if stage.index:
        figures = {f"{stage.stage.name}.{name}": value for name, value in figures.items()}
    return figures


def refuse_non_finite(
    figures: Mapping[str, float], parameters: Mapping[str, nn.Parameter], *, step: int
) -> None:
    """Raise :class:`NonFiniteError` unless all are finite, naming the term, its level, the step."""
    bad = [name for name, value in figures.items() if not math.isfinite(value)]
    if not bad:
        return
    # The loss and the sums over levels are not finite because a part of them is not: name the part.
    sums = {re.sub(r"\.L\d+$", "", name) for name in figures if re.search(r"\.L\d+$", name)}
    parts = [name for name in bad if name not in sums | {"loss", "gradient_norm"}]
    name = (parts or bad)[0]
    if name == "gradient_norm":
        what, term = f"the gradient is not finite ({_where(parameters)})", "gradient"
    else:
        what, term = f"{name} is {figures[name]} (loss {figures['loss']})", name.split(".")[0]
    level = re.search(r"\.L(\d+)$", name)
    raise NonFiniteError(
        f"step {step}: {what}; the update was refused, the weights are those of step {step - 1}. "
        "A smaller learning_rate or gradient_norm, or a larger likelihood std, usually helps",
        step=step,
        term=term,
        level=int(level.group(1)) if level else None,
    )


def _where(parameters: Mapping[str, nn.Parameter]) -> str:
    gradients = {name: p.grad for name, p in parameters.items() if p.grad is not None}
    bad = [name for name, gradient in gradients.items() if not torch.isfinite(gradient).all()]
    if not bad:
        return "its norm overflows"
    more = f" and {len(bad) - 1} more of {len(gradients)} parameters" if len(bad) > 1 else ""
    return f"that of {bad[0]}{more}"


class RunningMeans:
    """The means of the figures since the last log line.

    They are state like any other: saved with a checkpoint, so that a run resumed between two log
    lines writes the line that an unbroken one writes.
    """

    def __init__(self) -> None:
        self._steps = 0
        self._sums: dict[str, float] = {}

    def add(self, figures: Mapping[str, float]) -> None:
        """Count one step."""
        self._steps += 1
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def take(self) -> dict[str, float]:
        """The means over the steps counted, at least one; counting then starts again."""
        means = {name: total / self._steps for name, total in self._sums.items()}
        self._steps, self._sums = 0, {}
        return means

    def state_dict(self) -> dict[str, Any]:
        """The sums and the number of steps in them."""
        return {"steps": self._steps, "sums": dict(self._sums)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from saved sums."""
        self._steps, self._sums = state_dict["steps"], dict(state_dict["sums"])


def log_entry(
    means: Mapping[str, float],
    progress: Progress,
    memory: Mapping[str, float],
    *,
    stage: str | None = None,
) -> dict[str, Any]:
    """A line of metrics.jsonl: the means over the steps since the line before, and the totals.

    - ``step``: updates done.
    - ``frames``: of the clips that training took so far.
    - ``seconds``: of training, over all resumed parts, without validation.
    - ``cpu_seconds``: the same in core-seconds, of all threads of this process.
    - ``steps_per_second``: over the same steps as the means.
    - ``data_wait``: the share of that time spent waiting for clips, in [0, 1].
    - ``memory``, ``gpu_memory``: the most that this process has held so far, MiB.
    - ``stage``: the name of a later stage.
    """
    step_seconds, wait_seconds = means["step_seconds"], means["wait_seconds"]
    figures = {name: value for name, value in means.items() if not name.endswith("_seconds")}
    return {
        "step": progress.step,
        **({} if stage is None else {"stage": stage}),
        **figures,
        **({} if progress.frames is None else {"frames": progress.frames}),
        "seconds": progress.train_seconds,
        **({} if progress.cpu_seconds is None else {"cpu_seconds": progress.cpu_seconds}),
        "steps_per_second": 1 / step_seconds,
        "data_wait": wait_seconds / step_seconds,
        **memory,
    }
