"""Dynamic Latent Hierarchy: watches a video, learns what changes fast and what stays, predicts far ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlh.pretrained import DLH as DLH

__version__ = "0.1.0"
__all__ = ["DLH", "__version__"]


def __getattr__(name: str) -> Any:
    # torch takes seconds to import: `dlh --help` must not wait for it.
    if name == "DLH":
        from dlh.pretrained import DLH

        return DLH
    raise AttributeError(f"module 'dlh' has no attribute {name!r}")
