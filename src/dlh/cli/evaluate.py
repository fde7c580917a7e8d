"""``dlh evaluate``: scores of a model, or of predictions in a file, beside the floors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dlh.cli.options import parse
from dlh.cli.output import say
from dlh.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Score the futures that a model draws, or those in a file of any other software, with PSNR,
    two SSIMs, LPIPS and FVD, beside predictions that know nothing; a page, a table and JSON that
    say exactly what each number means.

    An interrupted evaluation goes on with the same command.

    example:  dlh evaluate runs/demo --protocol paper

    example:  dlh evaluate --predictions futures.npz --out scores
    """

    model: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")] = None
    """A finished run, a folder with a model, a shipped model or a hub name."""
    predictions: Path | None = None
    """Instead of RUN: an .npz with truth (clip, time, height, width, channel), samples (clip,
    sample, time, height, width, channel) and perhaps context (as truth), floats in [0, 1] or
    bytes."""
    protocol: str | None = None
    """demo (30 + 100 frames, 16 samples, 64 clips) or paper (30 + 300 frames, of mazes 200, 100
    samples, 100 clips); demo when not given."""
    data: str | None = None
    """What to predict instead of the run's own data: a folder of videos, a clip store, a name."""
    manifest: Path | None = None
    """Which clips, by name: what dlh data manifest wrote; it decides context, horizon and clips."""
    context: int | None = None
    """Frames to watch, instead of the protocol's."""
    horizon: int | None = None
    """Frames to predict, instead of the protocol's; of a file, those to score (all)."""
    samples: int | None = None
    """Futures of each clip, instead of the protocol's."""
    clips: int | None = None
    """At most so many, instead of the protocol's."""
    seed: int = 0
    """Of the draws, of the choice of other clips, and of the intervals."""
    num_processes: int | None = None
    """In how many processes; as many as there are cores (at most 8), or one with a GPU."""
    save_predictions: int = 0
    """Write the futures of so many clips to predictions.npz, which --predictions takes."""
    lpips_weights: tuple[Path, ...] = ()
    """Weights of LPIPS: one file with all of them, or AlexNet's and the linear ones."""
    fvd_weights: tuple[Path, ...] = ()
    """Weights of I3D, for FVD."""
    download_weights: tyro.conf.FlagCreatePairsOff[bool] = False
    """Fetch the weights that are not here, by checksum (LPIPS 244 MB, FVD 51 MB)."""
    out: Path | None = None
    """The folder of the results; RUN/evaluation, or FILE-scores beside the file, when not given."""


FOR_MODELS = ("protocol", "data", "manifest", "context", "samples", "clips", "save_predictions")


def main(arguments: Sequence[str]) -> int:
    """``dlh evaluate``."""
    options = parse(EvaluateOptions, arguments, prog="dlh evaluate")
    if (options.model is None) == (options.predictions is None):
        found = "neither" if options.model is None else "both"
        raise UsageError(f"dlh evaluate takes a RUN or --predictions FILE, found {found}")
    if options.predictions is not None:
        for name in FOR_MODELS:
            if getattr(options, name) != getattr(EvaluateOptions, name):
                raise UsageError(
                    f"--{name.replace('_', '-')} is for a RUN: what --predictions FILE holds is "
                    "scored as it is"
                )
    out = options.out or _place(options)
    from dlh.commands.evaluate import evaluate
    from dlh.evaluation.request import Request
    from dlh.evaluation.scorers import WeightsRequest

    request = Request(
        model=options.model,
        predictions=options.predictions,
        protocol=options.protocol,
        data=options.data,
        manifest=options.manifest,
        context=options.context,
        horizon=options.horizon,
        samples=options.samples,
        clips=options.clips,
        seed=options.seed,
        weights=WeightsRequest(
            lpips=options.lpips_weights,
            fvd=options.fvd_weights,
            download=options.download_weights,
        ),
    )
    evaluate(
        request,
        out=out,
        processes=options.num_processes,
        save=options.save_predictions,
        say=say,
    )
    return 0


def _place(options: EvaluateOptions) -> Path:
    if options.predictions is not None:
        return options.predictions.with_name(f"{options.predictions.stem}-scores")
    assert options.model is not None
    folder = Path(options.model)
    return folder / "evaluation" if folder.is_dir() else Path("evaluation")
