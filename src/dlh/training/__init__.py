"""Training: the loop, its recipe, its run folder and its checkpoints.

It sees a model only as :class:`dlh.interfaces.TrainableModel` (and ``torch.nn.Module``) and data
only as :class:`dlh.data.clips.ClipSource`. Read ``loop.py`` first. Nothing is imported here, so
that the recipe (``config.py``) can be read without torch.
"""
