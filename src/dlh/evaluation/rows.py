"""The rows of a table of scores: a model, the floors on the same clips, and an oracle."""

from __future__ import annotations

from torch import Tensor

from dlh.evaluation.clips import EvaluatedClips, futures_of
from dlh.evaluation.draws import Row, other_clips
from dlh.evaluation.floors import KnownFutures, black_frame, last_frame, mean_frame
from dlh.evaluation.predictions import PredictionsFile
from dlh.evaluation.summary import MODEL, ORACLE
from dlh.interfaces import VideoModel

Rows = dict[str, Row | str]
"""By the names of ``dlh.evaluation.summary.ROWS``; a text says why there is none."""


def row_of_model(model: VideoModel, samples: int) -> Row:
    """A model in the usual sense."""
    return Row(name=MODEL, samples=samples, model=lambda clip, block: model)


def row_of_file(file: PredictionsFile) -> Row:
    """Futures that lie in a file."""
    return Row(
        name=MODEL,
        samples=file.samples,
        model=lambda clip, block: KnownFutures(name=file.name, futures=file.futures(clip, block)),
    )


def floor_rows(clips: EvaluatedClips, *, samples: int, seed: int, mean: Tensor | str) -> Rows:
    """The floors and the oracle.

    Args:
        clips: what is predicted; the other clips are taken from them too.
        samples: how many other clips, at most, the best is chosen of: as many as the model draws.
        seed: of the protocol.
        mean: the mean training frame, (channel, height, width), or why there is none.
    """

    def still(name: str, model: VideoModel) -> Row:
        return Row(name=name, samples=1, model=lambda clip, block: model)

    def others(name: str, count: int) -> Row | str:
        count = min(count, clips.count - 1)
        if count < 1:
            return "there is no other clip: the evaluation has one"

        def model(clip: int, block: range) -> KnownFutures:
            chosen = other_clips(clip, clips.count, count=count, seed=seed)
            return KnownFutures(
                name=name, futures=futures_of(clips, chosen[block.start : block.stop])
            )

        return Row(name=name, samples=count, model=model)

    def oracle(clip: int, block: range) -> KnownFutures:
        return KnownFutures(name=ORACLE, futures=futures_of(clips, [clip]))

    shape = clips.frame_shape
    return {
        "black": still("black", black_frame(shape)),
        "mean_frame": mean if isinstance(mean, str) else still("mean_frame", mean_frame(mean)),
        "last_frame": (
            "the context is not known"
            if clips.context is None
            else still("last_frame", last_frame(shape))
        ),
        "other_clip": others("other_clip", 1),
        "best_of_other_clips": others("best_of_other_clips", samples),
        ORACLE: Row(name=ORACLE, samples=1, model=oracle),
    }
