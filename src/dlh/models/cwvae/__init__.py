"""CW-VAE, the clockwork VAE (Saxena et al., 2021): levels of states that tick at fixed intervals.

``config`` sizes, switches and the published configurations; ``encoder`` a video to the embeddings
of all levels; ``cell`` the factors of one level and one step of it; ``clockwork`` the folds over
time, observe and imagine; ``decoder`` states to frames; ``bound`` the objective; ``optimizer`` what
training takes besides; ``trace`` what goes in and comes out; ``cwvae`` the whole.
"""

from dlh.models.cwvae.clockwork import ContextError
from dlh.models.cwvae.config import CWVAEConfig, mazes, minerl, moving_mnist
from dlh.models.cwvae.cwvae import CWVAE
from dlh.models.cwvae.optimizer import BETAS, CLIPPING_NORM, adam_eps
from dlh.models.cwvae.trace import Carried, Held, Noise, Rollout, Ticks, Trace

__all__ = [
    "BETAS",
    "CLIPPING_NORM",
    "CWVAE",
    "CWVAEConfig",
    "Carried",
    "ContextError",
    "Held",
    "Noise",
    "Rollout",
    "Ticks",
    "Trace",
    "adam_eps",
    "mazes",
    "minerl",
    "moving_mnist",
]
