"""The Dynamic Latent Hierarchy, in the order of the paper's section 2.

``config`` sizes and switches; ``level`` the factors of one level (Eqs. 10-15); ``step`` one step of
all levels; ``inference`` observe (Eqs. 1, 4, 5); ``rollout`` imagine; ``bound`` the objective (Eqs.
6-9); ``hierarchy`` the whole; ``dynamics`` the temporal parts trained alone (Eqs. 12, 14, 15);
``emergence`` what helps upper levels to find their events during training.
"""

from dlh.models.dlh.config import DLHConfig, DynamicsConfig, EmergenceConfig
from dlh.models.dlh.hierarchy import DynamicLatentHierarchy
from dlh.models.dlh.trace import Carried, Noise, Rollout, Trace

__all__ = [
    "Carried",
    "DLHConfig",
    "DynamicLatentHierarchy",
    "DynamicsConfig",
    "EmergenceConfig",
    "Noise",
    "Rollout",
    "Trace",
]
