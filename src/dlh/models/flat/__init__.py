"""A flat recurrent latent model: one level, no decisions. The hierarchy's plain ablation."""

from dlh.models.flat.config import FlatConfig
from dlh.models.flat.flat import FlatModel, Trace

__all__ = ["FlatConfig", "FlatModel", "Trace"]
