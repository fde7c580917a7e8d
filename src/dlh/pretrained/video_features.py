"""A trained hierarchy as a transformer of scikit-learn: videos in, a row for each out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from dlh.errors import UsageError
from dlh.pretrained.trained_model import DLH, AnyVideo

Pool = Literal["mean", "last"]


class VideoFeatures:
    """What a hierarchy knows of each video (:meth:`~dlh.DLH.features`), for a classifier::

        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        classifier = make_pipeline(dlh.VideoFeatures("runs/demo"), LogisticRegression())
        classifier.fit(["a.mp4", "b.mp4"], ["open field", "maze"])

    It follows scikit-learn's conventions and needs no scikit-learn.

    Attributes:
        model: a :class:`~dlh.DLH`, or what opens one: a folder, a shipped model, a name on the hub.
        levels: n of the levels, from 1; None for all.
        pool: what of a video's frames is kept: their ``mean``, or the ``last``.
        seed: of the sampled states.
    """

    def __init__(
        self,
        model: DLH | str | Path,
        *,
        levels: Sequence[int] | None = None,
        pool: Pool = "mean",
        seed: int = 0,
    ) -> None:
        self.model = model
        self.levels = levels
        self.pool: Pool = pool
        self.seed = seed

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"VideoFeatures({given})"

    def fit(self, videos: Any = None, labels: Any = None) -> Self:
        """Learn nothing: the model is trained already."""
        return self

    def transform(self, videos: Sequence[AnyVideo] | np.ndarray) -> np.ndarray:
        """The features of each video, float32 (videos, levels * state).

        Args:
            videos: each as :meth:`~dlh.DLH.features` takes one; of any lengths.

        Raises:
            UsageError: ``pool`` or a level is none that there is.
            PretrainedError, UnsupportedError: the model cannot be opened, or is no hierarchy.
            VideoError, DataError: a video cannot be used.
        """
        if self.pool not in ("mean", "last"):
            raise UsageError(f"pool is mean or last, found {self.pool!r}")
        model = self.model if isinstance(self.model, DLH) else DLH.from_pretrained(self.model)
        rows = []
        for video in videos:
            found = model.features(video, levels=self.levels, seed=self.seed)
            rows.append(found.mean(0) if self.pool == "mean" else found[-1])
        if not rows:
            raise UsageError("features are those of at least one video, found none")
        return np.stack(rows)

    def fit_transform(self, videos: Any, labels: Any = None, **parameters: Any) -> np.ndarray:
        """:meth:`transform`, as there is nothing to fit."""
        return self.transform(videos)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments that it was made with, by name."""
        return {name: getattr(self, name) for name in ("model", "levels", "pool", "seed")}

    def set_params(self, **parameters: Any) -> Self:
        """Replace some of them.

        Raises:
            UsageError: there is none of that name.
        """
        for name, value in parameters.items():
            if name not in self.get_params():
                raise UsageError(
                    f"the parameters are {', '.join(self.get_params())}, found {name!r}"
                )
            setattr(self, name, value)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(),
            input_tags=InputTags(two_d_array=False, string=True),
            requires_fit=False,
        )
