"""A training step that a benchmark takes whenever it wants to."""

from __future__ import annotations

import time
from dataclasses import replace

from dlh.runs.build import build_model, open_source
from dlh.runs.experiment import Experiment
from dlh.training.iteration import Iterations


class Stepper:
    """A model that takes training steps on the CPU, one call each."""

    def __init__(self, experiment: Experiment) -> None:
        config = replace(experiment.training, device="cpu")
        self.iterations = Iterations(build_model(experiment), open_source(experiment), config)
        self.config, self.model = self.iterations.config, self.iterations.model
        self.source, self.optimizer = self.iterations.source, self.iterations.optimizer
        self.steps = 0

    def __call__(self) -> float:
        """Seconds of one step."""
        start = time.perf_counter()
        self.iterations.run(self.steps)
        self.steps += 1
        return time.perf_counter() - start
