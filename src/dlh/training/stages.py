"""The stages of a training: which one an iteration belongs to, and the optimiser of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_

from dlh.interfaces import Plan, Stage, names_one_of
from dlh.training.config import TrainingConfig
from dlh.training.errors import TrainingError
from dlh.training.schedule import learning_rate_factor


@dataclass(frozen=True, kw_only=True)
class StageInTime:
    """A stage and its iterations, ``start`` to ``end`` - 1 of the run's."""

    index: int
    stage: Stage
    start: int
    end: int

    @property
    def steps(self) -> int:
        """How many iterations it has."""
        return self.end - self.start


def stages_in_time(plan: Plan, config: TrainingConfig) -> list[StageInTime]:
    """The stages that have an iteration, in their order.

    Raises:
        TrainingError: the recipe speaks of more stages than the model has.
    """
    counts = (config.steps, *config.later_steps)
    if len(counts) > len(plan.stages):
        names = ", ".join(stage.name for stage in plan.stages[1:])
        raise TrainingError(
            f"--training.later-steps {' '.join(map(str, config.later_steps))} is for "
            f"{len(config.later_steps)} stages after the first, this model has "
            f"{len(plan.stages) - 1}"
            + (f" ({names})" if names else "; a hierarchy has two with --model.dynamics.clips")
        )
    found, start = [], 0
    for index, (stage, steps) in enumerate(zip(plan.stages, counts, strict=False)):
        if steps:
            found.append(StageInTime(index=index, stage=stage, start=start, end=start + steps))
        start += steps
    return found


def stage_of(stages: Sequence[StageInTime], step: int) -> StageInTime:
    """The stage of the iteration after ``step`` of them; the last one at the end of training."""
    return next((stage for stage in stages if step < stage.end), stages[-1])


def learning_rate(stage: StageInTime, config: TrainingConfig, step: int) -> float:
    """Of the iteration after ``step`` of them: the stage's own, or else the recipe's."""
    if stage.stage.learning_rate is not None:
        return stage.stage.learning_rate(step - stage.start, stage.steps)
    if stage.index:
        return config.learning_rate
    return config.learning_rate * learning_rate_factor(
        step,
        steps=config.steps,
        cooldown_steps=config.cooldown_steps,
        rewarm_from=config.rewarm_from,
        steps_before=config.steps_before,
    )


def eps(stage: StageInTime, config: TrainingConfig, update: int) -> float:
    """Of an update, counted from 1 in its stage: in the first, the recipe's, where it says one."""
    if stage.index or config.adam_epsilon is None:
        return stage.stage.optimiser.eps_of(update)
    return config.adam_epsilon


def largest_norm(stage: StageInTime, config: TrainingConfig) -> float | None:
    """To which gradients are scaled down, None for not at all: in the first stage, the recipe's,
    where it says one.
    """
    if stage.index or config.gradient_norm is None:
        return stage.stage.optimiser.gradient_norm
    return config.gradient_norm or None


class StageOptimizer:
    """Adam, and Muon where the present stage has it, saved and restored with the stage.

    The first stage's is saved as torch saves it, with what one update leaves for the next.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], plan: Plan) -> None:
        self._parameters, self._plan = parameters, plan
        self.begin(0)

    def begin(self, index: int) -> None:
        """A new optimizer, for stage number ``index``."""
        stage = self._plan.stages[index]
        self.index = index
        self.carried: dict[str, Tensor] = {}
        self.trained = {
            name: parameter
            for name, parameter in self._parameters.items()
            if names_one_of(name, stage.trains)
        }
        if not self.trained:
            raise TrainingError(
                f"the stage {stage.name} trains {', '.join(stage.trains or ())}, and the model has "
                "no parameter of such a name"
            )
        self.settings = stage.optimiser
        matrices, others = [], []
        for parameter in self.trained.values():
            of_muon = self.settings.muon and parameter.ndim == 2
            (matrices if of_muon else others).append(parameter)
        self.adam = torch.optim.Adam(
            [{"params": others}], betas=self.settings.betas, amsgrad=self.settings.amsgrad
        )
        self.muon = torch.optim.Muon(matrices, weight_decay=0.0) if matrices else None

    def state_dict(self) -> dict[str, Any]:
        """Adam's state and Muon's, the number of a later stage, and what one update leaves for the
        next.
        """
        state = self.adam.state_dict()
        state |= {"stage": self.index} if self.index else {}
        state |= {"muon": self.muon.state_dict()} if self.muon else {}
        return state | ({"carried": dict(self.carried)} if self.carried else {})

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Become the optimizer that was saved.

        Raises:
            ValueError: it is of a stage that this model does not have, of other parameters, or of
                other optimisers.
        """
        index = state_dict.get("stage", 0)
        if index >= len(self._plan.stages):
            raise ValueError(
                f"it is of stage number {index + 1}, this model has {len(self._plan.stages)}"
            )
        self.begin(index)
        self.carried = dict(state_dict.get("carried", {}))
        if ("muon" in state_dict) != (self.muon is not None):
            raise ValueError(
                f"it was made {'with' if 'muon' in state_dict else 'without'} Muon, and this stage "
                f"trains {'with' if self.muon else 'without'} it"
            )
        if self.muon is not None:
            self.muon.load_state_dict(state_dict["muon"])
        own = ("stage", "carried", "muon")
        self.adam.load_state_dict({k: v for k, v in state_dict.items() if k not in own})

    def update(
        self,
        *,
        learning_rate: float,
        eps: float,
        gradient_norm: float,
        most: float | None,
    ) -> None:
        """Change the weights by the gradients, whose norm is scaled down to what is allowed.

        Args:
            learning_rate: of this update; not what a checkpoint says, but model and recipe decide.
            eps: likewise.
            gradient_norm: as measured.
            most: the largest norm; None for any.
        """
        if most is not None:
            clip_grads_with_norm_(self.trained.values(), most, torch.tensor(gradient_norm))
        used = [(self.adam, {"lr": learning_rate, "eps": eps})]
        if self.muon is not None:
            used.append((self.muon, {"lr": learning_rate * self.settings.muon}))
        for optimizer, values in used:
            for group in optimizer.param_groups:
                group.update(values)
                for parameter in group["params"]:
                    moved = parameter.grad is None and parameter in optimizer.state
                    if moved and self.settings.without_gradient == "zero":
                        parameter.grad = torch.zeros_like(parameter)
            optimizer.step()
