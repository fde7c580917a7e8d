"""The Dynamic Latent Hierarchy, in the order of the paper's section 2.

``config``     sizes and switches (Table 4)
``level``      the networks of one level (Eqs. 10-15)
``step``       one step of all levels, folded by inference and by prediction (Eqs. 5, 11, 12)
``selection``  which levels change at a step (Eqs. 4, 5, 34)
``decide``     the loop over time, which takes only the decisions
``inference``  everything else that is inferred, batched over time (Eqs. 1, 13-15)
``rollout``    open-loop prediction (Sec. 2.4)
``bound``      the objective of a trace (Eqs. 6-9)
``trace``      arguments and results: noise, carried state, trace, rollout
``hierarchy``  the four passes together, and ``predict``
``pieces``     long clips in bounded memory
``emergence``  what helps the hierarchy to emerge, in training only
``dynamics``   the temporal parts trained alone (Eqs. 12, 14, 15)
``course``     the stages of a training
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
