"""LMC-Memory (Lee et al., CVPR 2021): video prediction that recalls long-term motion.

``config`` sizes and switches; ``frames`` the frame encoder and decoder; ``recurrence`` the
convolutional LSTM; ``memory`` motion encoders, slots, recall and attention; ``losses`` what is
minimised; ``lmc`` one step, its two folds ``observe`` and ``imagine``, and the two phases of a
training iteration.
"""

from dlh.models.lmc.config import KTH, MOVING_MNIST, LMCConfig
from dlh.models.lmc.lmc import LMCMemory, Rollout
from dlh.models.lmc.losses import LongClip, PredictionError

__all__ = [
    "KTH",
    "MOVING_MNIST",
    "LMCConfig",
    "LMCMemory",
    "LongClip",
    "PredictionError",
    "Rollout",
]
