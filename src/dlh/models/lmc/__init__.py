"""LMC-Memory (Lee et al., CVPR 2021): video prediction that recalls long-term motion.

``config`` sizes and switches; ``frames`` the frame encoder and decoder; ``recurrence`` the
convolutional LSTM; ``memory`` motion encoders, slots, recall and attention; ``lmc`` one step, and
its two folds ``observe`` and ``imagine``; ``losses`` the two phases of a training iteration.
"""

from dlh.models.lmc.config import KTH, MOVING_MNIST, ConfigError, LMCConfig
from dlh.models.lmc.lmc import LMCMemory, Rollout
from dlh.models.lmc.losses import PHASES, LongClip, Phase, PredictionError

__all__ = [
    "KTH",
    "MOVING_MNIST",
    "PHASES",
    "ConfigError",
    "LMCConfig",
    "LMCMemory",
    "LongClip",
    "Phase",
    "PredictionError",
    "Rollout",
]
