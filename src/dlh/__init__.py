"""Dynamic Latent Hierarchy: learns from video what changes fast and what stays, predicts far ahead.

from dlh import DLH

model = DLH.from_pretrained("runs/demo")
futures = model.predict("clip.mp4", horizon=300, samples=100, seed=0)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlh.version import __version__

if TYPE_CHECKING:
    from dlh.errors import DlhError as DlhError
    from dlh.pretrained import DLH as DLH
    from dlh.pretrained import TrainedModel as TrainedModel
    from dlh.pretrained import VideoFeatures as VideoFeatures
    from dlh.pretrained import open_model as open_model

__all__ = ["DLH", "DlhError", "TrainedModel", "VideoFeatures", "__version__", "open_model"]


def __getattr__(name: str) -> Any:
    # torch takes seconds to import: `dlh --help` must not wait for it.
    if name == "DlhError":
        from dlh.errors import DlhError

        return DlhError
    if name in __all__:
        from dlh import pretrained

        return getattr(pretrained, name)
    raise AttributeError(f"module 'dlh' has no attribute {name!r}")
