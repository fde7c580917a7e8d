"""An experiment of the list: its name, its settings, its budget and what it should cost."""

from __future__ import annotations

from dataclasses import dataclass

from dlh.analysis.findings import AnalysisConfig
from dlh.runs.experiment import Experiment

SECONDS_OF_AN_UPDATE = 0.63
"""Of one core, of the preset moving-ball: of 1,980 updates of full-lambda0-seed0."""
SECONDS_OF_AN_ANALYSIS = 200.0
"""Of one core, with 100 futures of a clip, and the page of the run itself; with 20: half of it."""
SECONDS_OF_A_GPU_UPDATE = 0.13
"""Of the runs at the paper's size, when two share an H200."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """An experiment of the list.

    Attributes:
        name: of its run, its record and its figures.
        group: full, levels, ablation, mnist, sharper or paper.
        kind: of its group, which the seeds of one kind share: a lambda, N, or an ablation's name.
        reference: of an ablation, the kind of the group "levels" that it is held against.
        what: for people.
        experiment: all settings.
        analysis: how it is analysed.
        cost: seconds of an update over those of the preset.
        figures: of its analysis that are kept with the results.
    """

    name: str
    group: str
    kind: str
    what: str
    experiment: Experiment
    analysis: AnalysisConfig
    reference: str = ""
    cost: float = 1.0
    figures: tuple[str, ...] = ()

    @property
    def updates(self) -> int:
        """All updates, also of the starts that do not go on."""
        training = self.experiment.training
        return training.steps + (training.starts - 1) * training.start_steps

    @property
    def on_gpu(self) -> bool:
        """Whether it can be run on a GPU only."""
        return self.experiment.training.device.startswith("cuda")

    @property
    def core_hours(self) -> float:
        """What it should take, on one core; 0 where it takes :attr:`gpu_hours`."""
        if self.on_gpu:
            return 0.0
        analysis = SECONDS_OF_AN_ANALYSIS * (1.0 if self.analysis.samples > 20 else 0.5)
        return (self.updates * SECONDS_OF_AN_UPDATE * self.cost + analysis) / 3600

    @property
    def gpu_hours(self) -> float:
        """What its training should take on a GPU that it shares with another; 0 on a CPU."""
        return self.updates * SECONDS_OF_A_GPU_UPDATE / 3600 if self.on_gpu else 0.0
