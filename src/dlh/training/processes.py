"""The processes that train one model together, through accelerate. Mostly there is one.

``torchrun`` and ``dlh train --num-processes K`` start the same command several times and say in the
environment which process is which. Process 0 leads: it alone reads and writes the run folder,
validates, and talks to a person. The others follow: they are told what to train, compute their
share of every step's clips, and stop when the leader does.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from dlh.interfaces import Share
from dlh.training.config import TrainingConfig
from dlh.training.errors import TrainingError

_PATIENCE = timedelta(days=1)  # followers wait while the leader validates and draws


def world_size() -> int:
    """How many processes were started together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def leads() -> bool:
    """Whether this process is the leader, or alone."""
    return int(os.environ.get("RANK", "0")) == 0


def count_shares(config: TrainingConfig, processes: int) -> int:
    """In how many shares a step's clips are computed.

    Raises:
        TrainingError: the clips cannot be shared equally.
    """
    shares = processes * config.accumulate
    if config.batch_size % shares:
        raise TrainingError(
            f"training.batch_size {config.batch_size} cannot be shared equally by {processes} "
            f"processes, each in {config.accumulate} parts (training.accumulate); make it a "
            f"multiple of {shares}"
        )
    return shares


class LeaderGone(TrainingError):
    """The leading process has stopped, and has reported why."""

    code = "leader-gone"


class Processes:
    """This process among those that train together, on its device, in the precision asked for.

    Attributes:
        accelerator: accelerate's own object: precision and exchange are its work.
        device: where this process computes.
        rank: 0 for the leader.
        count: how many there are.
    """

    def __init__(self, device: torch.device, *, half: bool = False) -> None:
        """Join the others.

        Args:
            device: where one process alone computes; of several, each takes one of this type.
            half: whether :meth:`autocast` computes in bfloat16.
        """
        from accelerate import Accelerator, InitProcessGroupKwargs
        from accelerate.state import AcceleratorState

        # accelerate keeps the precision and device of the first use for the life of a process.
        AcceleratorState._reset_state(reset_partial_state=world_size() == 1)
        self.accelerator = Accelerator(
            cpu=device.type == "cpu",
            mixed_precision="bf16" if half else "no",
            kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
        )
        self.rank = self.accelerator.process_index
        self.count = self.accelerator.num_processes
        self.device = device if self.count == 1 else self.accelerator.device

    def shares(self, config: TrainingConfig) -> list[Share]:
        """The shares of a step's clips that this process computes, one after the other.

        Raises:
            TrainingError: the clips cannot be shared equally.
        """
        parts = count_shares(config, self.count)
        return [
            Share(index=self.rank * config.accumulate + part, count=parts)
            for part in range(config.accumulate)
        ]

    def autocast(self) -> AbstractContextManager:
        """Where convolutions may compute in bfloat16, if that was asked for."""
        return self.accelerator.autocast()

    def average(self, parameters: Mapping[str, nn.Parameter], figures: Tensor) -> Tensor:
        """Make every process's gradients, and what it measured, the mean over all processes.

        A parameter without a gradient here counts as 0 if another process has one.

        Args:
            parameters: their gradients are replaced.
            figures: (figures,), returned as their mean.
        """
        if self.count == 1:
            return figures
        trained = [parameter for parameter in parameters.values() if parameter.requires_grad]
        missing = [parameter.grad is None for parameter in trained]
        gradients = [
            torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            for parameter in trained
        ]
        # One exchange of everything: many small ones would wait for each other.
        missing_here = figures.new_tensor(missing)
        together = torch.cat(
            [*(gradient.flatten() for gradient in gradients), missing_here, figures]
        )
        together = self.accelerator.reduce(together, reduction="mean")
        sizes = [*(g.numel() for g in gradients), len(missing), figures.numel()]
        *means, missing_anywhere, figures = together.split(sizes)
        # Where this process has all gradients, no other need be asked.
        nowhere = (missing_anywhere == 1).tolist() if any(missing) else missing
        for parameter, gradient, mean, none in zip(trained, gradients, means, nowhere, strict=True):
            parameter.grad = None if none else gradient.copy_(mean.view_as(gradient))
        return figures

    def tell(self, what: Any) -> None:
        """Leader: tell all followers something, which :meth:`hear` gives them there."""
        if self.count > 1:
            self._broadcast(what)

    def hear(self) -> Any:
        """Follower: wait for what the leader tells.

        Raises:
            LeaderGone: it stopped.
        """
        try:
            return self._broadcast(None)
        except RuntimeError as error:
            raise LeaderGone(str(error)) from error

    def _broadcast(self, what: Any) -> Any:
        from accelerate.utils import broadcast_object_list

        held = [pickle.dumps(what)]
        broadcast_object_list(held, from_process=0)
        return pickle.loads(held[0])


def part() -> None:
    """The end of working together: without it, torch complains when a process ends."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
