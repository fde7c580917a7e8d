"""``dlh predict``: many futures of a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dlh.cli.options import parse
from dlh.cli.output import say


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """Watch the first frames of a video and draw what may follow: an mp4 and a picture of several
    futures.

    No ground truth is needed; where the video goes on, it is shown beside the futures.

    example:  dlh predict runs/demo clip.mp4 --horizon 300 --samples 8 --save futures.npz
    """

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A finished run, a folder with a model, a shipped model or a hub name."""
    video: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="VIDEO")]
    """A video file; it is resized to the model's frames."""
    context: int = 30
    """Frames to watch first."""
    horizon: int = 300
    """Frames to predict."""
    samples: int = 8
    """Futures to draw; without --save no more than are shown, 15."""
    seed: int = 0
    """The same seed gives the same futures."""
    out: Path = Path("out.mp4")
    """Where the film goes; the picture goes beside it as .png."""
    save: Path | None = None
    """Also write the exact frames (the film is lossy) to this .npz: samples, context, and truth
    where there is one, float32 in [0, 1], (clip, [sample,] time, height, width, channel)."""


def main(arguments: Sequence[str]) -> int:
    """``dlh predict``."""
    options = parse(PredictOptions, arguments, prog="dlh predict")
    from dlh.commands.predict import predict_file

    predict_file(**vars(options), say=say)
    return 0
