"""Variational temporal abstraction (Kim, Ahn and Bengio 2019), numerically as published.

``config`` sizes and switches; ``pixels`` 5-bit frames and the way back; ``frames`` convolutions;
``boundaries`` READ and COPY, their distribution and their limits; ``factors`` the two levels;
``step`` one step of both; ``summaries`` the recurrences over the frames; ``inference`` observe;
``rollout`` imagine; ``bound`` the objective; ``vta`` the whole.
"""

from dlh.models.vta.boundaries import temperature
from dlh.models.vta.config import VTAConfig
from dlh.models.vta.noise import Noise, RolloutNoise
from dlh.models.vta.trace import Carried, Rollout, Trace
from dlh.models.vta.vta import VariationalTemporalAbstraction

__all__ = [
    "Carried",
    "Noise",
    "Rollout",
    "RolloutNoise",
    "Trace",
    "VTAConfig",
    "VariationalTemporalAbstraction",
    "temperature",
]
