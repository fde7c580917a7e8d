"""``dlh.DLH``: a trained model in two lines, on disk as safetensors + config.json, hub-ready.

``dlh`` the class; ``files`` a model's folder; ``lookup`` from a name to such a folder.
"""

from dlh.pretrained.dlh import DLH, AnyVideo, Stream
from dlh.pretrained.files import PretrainedError

__all__ = ["DLH", "AnyVideo", "PretrainedError", "Stream"]
