"""A training step that a benchmark takes whenever it wants to."""

from __future__ import annotations

import time

import torch

from dlh.runs.build import build_model, open_source
from dlh.runs.experiment import Experiment
from dlh.training.processes import Processes
from dlh.training.speed import lay_out, uncompiled
from dlh.training.step import compute_gradients, update

CPU = torch.device("cpu")


class Stepper:
    """A model that takes training steps, one call each."""

    def __init__(self, experiment: Experiment) -> None:
        self.config = experiment.training
        self.model = build_model(experiment).train()
        lay_out(self.model, self.config.speed)
        self.source = open_source(experiment)
        self.parameters = dict(self.model.named_parameters())
        self.optimizer = torch.optim.Adam(self.model.parameters())
        self.processes = Processes(CPU, half=uncompiled(self.config.speed) == "bf16")
        self.steps = 0

    def __call__(self) -> float:
        """Seconds of one step."""
        start = time.perf_counter()
        figures = compute_gradients(
            self.model,
            self.parameters,
            self.source,
            self.config,
            step=self.steps,
            processes=self.processes,
        )
        norm = figures["gradient_norm"]
        update(self.parameters, self.optimizer, self.config, step=self.steps, gradient_norm=norm)
        self.steps += 1
        return time.perf_counter() - start
