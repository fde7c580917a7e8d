"""An evaluation, opened: its clips, rows and metrics, the protocol they make, a clip's scores."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlh.data.clips import Clips
from dlh.evaluation.clip_events import count_events
from dlh.evaluation.clip_scores import ClipScores, score_clip
from dlh.evaluation.clips import EvaluatedClips, identify
from dlh.evaluation.protocol import Protocol, ScoredModel, samples_per_draw
from dlh.evaluation.rows import ROWS, Rows
from dlh.evaluation.scorers import Scorers
from dlh.evaluation.stopwatch import Stopwatch
from dlh.interfaces import TrainableModel
from dlh.version import __version__

EVENTS, TRUTH = "events", "truth"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All that scoring a clip takes.

    Attributes:
        clips: what is predicted.
        rows: by name; a text says why there is none.
        scorers: what is computed.
        device: where.
        decides: the model whose events are counted; None where it has none.
    """

    clips: EvaluatedClips
    rows: Rows
    scorers: Scorers
    device: torch.device
    decides: TrainableModel | None = None

    def protocol(self, *, name: str, samples: int, seed: int, model: ScoredModel) -> Protocol:
        """What the results will say of how they came about; reads every clip once."""
        clips = self.clips
        return Protocol(
            name=name,
            data=identify(clips),
            context=clips.context,
            horizon=clips.horizon,
            samples=samples,
            samples_per_draw=samples_per_draw(samples, clips.horizon, clips.frame_shape),
            seed=seed,
            metrics=self.scorers.specs,
            model=model,
            software={
                "dlh": __version__,
                "torch": str(torch.__version__),
                "numpy": np.__version__,
                "python": platform.python_version(),
                "device": self.device.type,
            },
        )

    def score(
        self, clip: int, protocol: Protocol, watch: Stopwatch | None = None
    ) -> dict[str, np.ndarray]:
        """The scores of a clip under every row, as named arrays: "ROW/METRIC/..."."""
        watch = watch or Stopwatch()
        context, truth, known = self.tensors(clip)
        found: dict[str, np.ndarray] = {}
        for name in ROWS:
            row = self.rows[name]
            if isinstance(row, str):
                continue
            scores = score_clip(
                row,
                clip,
                context,
                truth,
                protocol=protocol,
                metrics=self.scorers.metrics,
                frechet=self.scorers.frechet,
                # The floors cost time of their own, which is not the model's.
                watch=watch if name == ROWS[0] else None,
            )
            found |= {f"{name}/{key}": array for key, array in scores.to_arrays().items()}
        if self.scorers.frechet is not None:
            features = self.scorers.frechet.features(truth[None])[0]
            found[TRUTH] = features.double().cpu().numpy()
        if self.decides is not None and known is not None and known.events is not None:
            video = torch.cat([context, truth])
            counts = count_events(self.decides, video, known, clip=clip, seed=protocol.seed)
            if counts is not None:
                found[EVENTS] = counts
        return found

    def tensors(self, clip: int) -> tuple[Tensor, Tensor, Clips | None]:
        """Context and truth on the device, and what is known of the clip.

        Where the context is not known it is a black frame, at which no row looks.
        """
        read = self.clips.read(clip)
        context = read.context
        if context is None:
            context = torch.zeros(1, *self.clips.frame_shape)
        return context.to(self.device), read.truth.to(self.device), read.known

    def row_scores(
        self, found: Sequence[dict[str, np.ndarray]]
    ) -> dict[str, list[ClipScores] | str]:
        """The scores of all clips by row, from what :meth:`score` gave of each."""
        scores: dict[str, list[ClipScores] | str] = {}
        for name in ROWS:
            row = self.rows[name]
            if isinstance(row, str):
                scores[name] = row
                continue
            start = f"{name}/"
            scores[name] = [
                ClipScores.from_arrays(
                    {key.removeprefix(start): a for key, a in clip.items() if key.startswith(start)}
                )
                for clip in found
            ]
        return scores
