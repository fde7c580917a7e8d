"""Trained models in two lines, on disk as safetensors + config.json, hub-ready.

``dlh`` the hierarchy's class ``dlh.DLH``, and ``open_model`` for a model of any kind;
``trained_model`` what all kinds share; ``files`` a model's folder; ``lookup`` from a name to such a
folder.
"""

from dlh.pretrained.dlh import DLH, Stream, of_network, open_model
from dlh.pretrained.files import PretrainedError
from dlh.pretrained.trained_model import AnyVideo, TrainedModel, UnsupportedError

__all__ = [
    "DLH",
    "AnyVideo",
    "PretrainedError",
    "Stream",
    "TrainedModel",
    "UnsupportedError",
    "of_network",
    "open_model",
]
