"""Many futures of a video file: a film, a picture, and the exact frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dlh.analysis.figures import still_grid, tile_futures
from dlh.data.clips import DataError
from dlh.data.decode import probe
from dlh.data.encode import write_video
from dlh.experiments.outputs import check_writable, write_whole
from dlh.pretrained import DLH
from dlh.training.atomic import write_atomically
from dlh.video import to_stored


def predict_file(
    *,
    model: str,
    video: Path,
    context: int,
    horizon: int,
    samples: int,
    seed: int,
    out: Path,
    save: Path | None,
) -> Iterator[str]:
    """Predict what follows the first ``context`` frames of ``video``; yield a line for each thing done.

    Raises:
        ValueError: context, horizon or samples is not positive.
        DataError: the video cannot be read, or is shorter than the context.
        PretrainedError: there is no such model.
        OutputError: an output cannot be written.
    """
    for name, value in (("context", context), ("horizon", horizon), ("samples", samples)):
        if value < 1:
            raise ValueError(f"{name} is at least 1, found {value}")
    if seed < 0:
        raise ValueError(f"seed is at least 0, found {seed}")
    check_writable(out, ".mp4")
    if save is not None:
        check_writable(save, ".npz")
    dlh = DLH.from_pretrained(model)
    info = probe(video)
    channels, height, width = dlh.model.frame_shape
    if (info.height, info.width) != (height, width):
        yield f"{video}: resized from {info.width} x {info.height} to {width} x {height}"
    frames, fps = dlh.read(video, frames=context + horizon)
    if len(frames) < context:
        raise DataError(
            f"{video} has {len(frames)} frames, {context} are needed as context; give a longer video or a smaller "
            "--context"
        )
    observed, truth = frames[:context], frames[context:]
    prediction = dlh.predict(observed, horizon=horizon, samples=samples, seed=seed)
    futures = to_stored(prediction.frames[0])
    changed = prediction.changed[0, :, :, 1] if dlh.config.num_levels > 1 else None
    shown = truth if len(truth) == horizon else None
    film = tile_futures(futures, context=observed, truth=shown, changed=changed)
    write_video(out, film, fps)
    picture = out.with_suffix(".png")
    write_atomically(picture, still_grid(futures, context=observed, truth=shown))
    yield f"{samples} futures of {horizon} frames after {context}: {out}, {picture}"
    if len(truth) and shown is None:
        yield f"the video goes on for {len(truth)} frames only, so it is not shown beside {horizon} predicted ones"
    if save is not None:
        arrays = {
            "samples": np.moveaxis(prediction.frames.cpu().numpy(), -3, -1),
            "context": observed[None].astype(np.float32) / 255,
        }
        if len(truth):
            arrays["truth"] = truth[None].astype(np.float32) / 255
        write_whole(save, lambda path: np.savez(path, **arrays))
        yield f"exact frames: {save}"
