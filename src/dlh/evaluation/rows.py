"""The rows of a table of scores: a model, the floors on the same clips, and an oracle.

Futures are drawn block by block, and the randomness of a block is a function of (seed, clip, first
sample of the block) and of nothing else. So an evaluation can be cut into any pieces, over
processes or over an interruption, and a single future can be drawn again to be looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlh.evaluation.clips import EvaluatedClips, PredictionsFile, futures_of
from dlh.evaluation.floors import KnownFutures, black_frame, last_frame, mean_frame
from dlh.interfaces import VideoModel

MODEL, ORACLE = "model", "oracle"
FLOORS = ("black", "mean_frame", "last_frame", "other_clip", "best_of_other_clips")
ROWS = (MODEL, *FLOORS, ORACLE)
"""The rows by name, in the order of a table."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table of scores: something that predicts.

    Attributes:
        name: in tables and files.
        samples: futures that are asked of it for each clip.
        model: the model of a clip and a block of samples. A model in the usual sense is the same
            for all; what predicts with futures that lie ready is another for each.
    """

    name: str
    samples: int
    model: Callable[[int, range], VideoModel]


Rows = dict[str, Row | str]
"""By the names of ROWS; a text says why there is none."""


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


@torch.no_grad()
def draw(row: Row, clip: int, context: Tensor, block: range, *, horizon: int, seed: int) -> Tensor:
    """The futures ``block`` of a clip, (samples, horizon, channel, height, width).

    A deterministic model gives one, whatever is asked.

    Args:
        row: what predicts.
        clip: its number, which decides the randomness.
        context: (context_steps, channel, height, width), on the device to compute on.
        block: which samples.
        horizon: frames to predict.
        seed: of the protocol.
    """
    prediction = row.model(clip, block).predict(
        context[None],
        horizon=horizon,
        samples=len(block),
        generator=clip_generator(seed, clip, block.start, context.device),
    )
    return prediction.frames[0]


def clip_generator(
    seed: int, clip: int, start: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """The generator of one block of samples of one clip."""
    bits = np.random.SeedSequence([seed, clip, start]).generate_state(1, np.uint64)
    return torch.Generator(device=device).manual_seed(int(bits[0]))


def other_clips(clip: int, clips: int, *, count: int, seed: int) -> list[int]:
    """Up to ``count`` clips other than ``clip``, in a random order that is a function of the seed
    and the clip; all others where there are not more.
    """
    random = np.random.default_rng(np.random.SeedSequence([seed, clip, 1 << 32]))
    others = np.delete(np.arange(clips), clip)
    return [int(other) for other in random.permutation(others)[:count]]
