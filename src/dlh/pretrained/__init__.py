"""Trained models in two lines, on disk as safetensors + config.json, hub-ready.

``trained_model`` has ``open_model``, what models of all kinds share, and the hierarchy's class
``dlh.DLH``; ``video_features`` the transformer for scikit-learn; ``files`` a model's folder.
"""

from dlh.pretrained.files import PretrainedError
from dlh.pretrained.trained_model import (
    DLH,
    AnyVideo,
    Stream,
    TrainedModel,
    UnsupportedError,
    of_network,
    open_model,
)
from dlh.pretrained.video_features import VideoFeatures

__all__ = [
    "DLH",
    "AnyVideo",
    "PretrainedError",
    "Stream",
    "TrainedModel",
    "UnsupportedError",
    "VideoFeatures",
    "of_network",
    "open_model",
]
