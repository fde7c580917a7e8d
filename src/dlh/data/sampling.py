"""Which clips: how processes share a batch, and where clips lie in videos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlh.data.clips import DataError, Split
from dlh.settings import check_at_least


def check_request(*, clip_length: int, count: int = 1) -> None:
    """Raise :class:`DataError` for a request with a number below 1."""
    check_at_least(1, error=DataError, clip_length=clip_length, count=count)


def check_held_out(split: Split, *, clip_length: int = 1, count: int = 1) -> None:
    """Raise :class:`DataError` unless this is a held-out split, and the numbers are at least 1."""
    check_request(clip_length=clip_length, count=count)
    if split not in ("validation", "test"):
        raise DataError(f"held-out clips are of the validation or the test split, found {split!r}")


def batch_rows(
    step: int, *, batch_size: int, clip_length: int, seed: int, rank: int, world_size: int
) -> range:
    """The rows of a training batch that belong to one process: ranks 0..K-1 in order make it up.

    Equal shares only: with unequal ones the mean of the processes' gradients is not that of the
    batch.

    Raises:
        DataError: there is no such batch; see :meth:`dlh.data.clips.ClipSource.batch`.
    """
    check_request(clip_length=clip_length)
    check_at_least(0, error=DataError, seed=seed, step=step)
    if not 0 <= rank < world_size:
        raise DataError(f"rank lies in [0, world_size = {world_size}), found {rank}")
    if batch_size < 1 or batch_size % world_size:
        raise DataError(
            f"a batch is shared equally among processes: found batch_size {batch_size} for "
            f"{world_size} processes; take a positive multiple of {world_size}"
        )
    share = batch_size // world_size
    return range(rank * share, (rank + 1) * share)


@dataclass(frozen=True)
class Window:
    """A clip's place: ``length`` frames of video number ``video`` from frame ``start`` on."""

    video: int
    start: int
    length: int


def draw_windows(
    lengths: np.ndarray, clip_length: int, *, count: int, seed: int, step: int
) -> list[Window] | None:
    """``count`` windows, uniform over all that fit into videos of these lengths; or None."""
    fitting = np.maximum(lengths - clip_length + 1, 0)
    ends = np.cumsum(fitting)
    if not len(ends) or ends[-1] == 0:
        return None
    places = np.random.default_rng([seed, step]).integers(ends[-1], size=count)
    videos = np.searchsorted(ends, places, side="right")
    starts = places - (ends - fitting)[videos]
    return [Window(int(v), int(s), clip_length) for v, s in zip(videos, starts, strict=True)]


def spaced_windows(lengths: np.ndarray, clip_length: int, *, count: int) -> list[Window]:
    """Up to ``count`` windows without overlap, evenly spaced over all videos and in each."""
    fitting = lengths // clip_length
    ends = np.cumsum(fitting)
    total = int(ends[-1]) if len(ends) else 0
    count = min(count, total)
    windows = []
    for number in range(count):
        place = (2 * number + 1) * total // (2 * count)
        video = int(np.searchsorted(ends, place, side="right"))
        within = place - int(ends[video] - fitting[video])
        slack = int(lengths[video]) - clip_length
        start = within * slack // max(int(fitting[video]) - 1, 1)
        windows.append(Window(video, start, clip_length))
    return windows
