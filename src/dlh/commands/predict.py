"""Many futures of a video file: a film, a picture, and the exact frames."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from tqdm import tqdm

from dlh.commands.options import PredictOptions, form_of
from dlh.data.clips import DataError
from dlh.data.video.encode import write_video
from dlh.errors import OutputError
from dlh.files.npz import writing_arrays
from dlh.files.writing import (
    Say,
    check_name,
    check_not_among,
    check_with_picture,
    check_writable,
    os_errors_as,
    write_bytes,
)
from dlh.interfaces import Prediction
from dlh.pretrained import TrainedModel
from dlh.reports.figures.futures import still_grid, tile_futures
from dlh.reports.render import plural
from dlh.runs.trained import open_trained
from dlh.video import channels_last, to_stored

SHOWN_FUTURES = 15
"""The film shows no more, so that it can be watched; with what happened they are 4 x 4 panels."""


def predict_file(options: PredictOptions, *, say: Say = print) -> None:
    """Predict what follows the first ``context`` frames of a video.

    Where the video goes on, its frames are shown beside the futures. ``say`` takes a line for each
    thing done.

    Raises:
        UsageError: the name of an output is invalid, or it is the video or would lie in it.
        DataError: the video cannot be read, or is shorter than the context.
        PretrainedError: there is no such model.
        OutputError: an output cannot be written.
    """
    model, video, out, save = options.model, options.video, options.out, options.save
    context, horizon = options.context, options.horizon
    samples = options.samples
    if save is not None:
        check_name(save, ".npz")
        check_not_among([video], save, option="--save")
    check_name(out, ".mp4")
    check_not_among([video], out, out.with_suffix(".png"))
    dlh = open_trained(model)
    opened = dlh.open(
        video, fps=options.fps, crop=options.crop, fit=options.fit, form=form_of(options)
    )
    if resizing := dlh.describe_resizing(opened):
        say(resizing)
    frames = opened.read(context + horizon)
    if len(frames) < context:
        raise DataError(
            f"{video} has {plural(len(frames), 'frame')}, {context} are needed as context; give a "
            "longer video or a smaller --context"
        )
    if unlike := dlh.describe_unlikeness(frames[:context]):
        say(f"{video}: {unlike}")
    picture = check_with_picture(out, ".mp4")  # last of the checks: it makes the folder
    if save is not None:
        check_writable(save, ".npz")
    shown = _draw(dlh, frames, options)

    observed, truth = frames[:context], frames[context:]
    futures = np.concatenate([to_stored(future.frames[0]) for future in shown])
    decided = [f.changed[0] for f in shown if f.changed is not None and f.changed.shape[-1] > 1]
    changed = torch.cat(decided)[..., 1] if decided else None
    whole_truth = truth if len(truth) == horizon else None
    film = tile_futures(futures, context=observed, truth=whole_truth, changed=changed)
    write_video(out, film, opened.fps)
    write_bytes(picture, still_grid(futures, context=observed, truth=whole_truth))
    drawn, first = (len(shown) if save is None else samples), ""
    if drawn > len(shown):
        first = f", of which the first {len(shown)} are shown"
    elif drawn < samples:
        first = f" (of {samples} asked for: without --save only those that are shown are drawn)"
    futures_of = "1 future of" if drawn == 1 else f"{drawn} futures of"
    say(f"{futures_of} {plural(horizon, 'frame')} after {context}{first}: {out}, {picture}")
    if 0 < len(truth) < horizon:
        say(
            f"the video has only {plural(len(truth), 'frame')} after the context, fewer than the "
            f"horizon of {horizon}: not shown"
        )
    if save is not None:
        say(f"exact frames: {save}")


def _draw(dlh: TrainedModel, frames: np.ndarray, options: PredictOptions) -> list[Prediction]:
    """Draw the futures one by one, write them where they are to be saved; return the first ones."""
    context, horizon, samples = options.context, options.horizon, options.samples
    save, whole = options.save, dlh.as_video(frames)
    observed, truth = whole[:, :context], whole[:, context:]
    wanted = samples if save is not None else min(samples, SHOWN_FUTURES)
    futures = dlh.futures(
        observed,
        horizon=horizon,
        samples=samples,
        seed=options.seed,
        temperature=options.temperature,
        decision_temperature=options.decision_temperature,
    )
    drawn = tqdm(islice(futures, wanted), total=wanted, unit="future", leave=False, disable=None)
    if save is None:
        return list(drawn)
    shown: list[Prediction] = []

    def exact() -> Iterator[np.ndarray]:
        for future in drawn:
            if len(shown) < SHOWN_FUTURES:
                shown.append(future)
            yield channels_last(future.frames)

    with os_errors_as(OutputError, f"cannot write {save}"), writing_arrays(save) as file:
        file.write("samples", (1, samples, horizon, *frames.shape[1:]), exact())
        file.write("context", (1, context, *frames.shape[1:]), [channels_last(observed)])
        if truth.shape[1]:
            file.write("truth", (1, truth.shape[1], *frames.shape[1:]), [channels_last(truth)])
    return shown
