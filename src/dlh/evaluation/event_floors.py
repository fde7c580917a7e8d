"""Trivial event detectors, as floors of every table of events, and VPR's rule over a trace.

A trivial detector scores every frame after the first by how much something simple differs from the
frame before, and claims an event where the score is above a threshold: the one with the best F1 on
training clips. It knows the truth of these, which no model here does, and nothing else.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple
from typing import Any

import numpy as np

from dlh.data.clips import Clips
from dlh.evaluation.events import TOLERANCES, EventScores, event_scores, rate_and_scores

MOVING = 32
"""Grey levels by which a pixel is off its clip's median frame, in some channel, where it moves."""
COMPONENTS = 8
"""The number of principal components whose mean ``ruptures`` searches for changes."""
FITTED_FRAMES = 500
"""Training frames to which the components are fitted."""
PENALTIES = tuple(float(penalty) for penalty in np.geomspace(1e-4, 10, 11))
"""Of a further change point, in variances of a principal frame; the best on training clips is
taken."""
RUPTURES = "ruptures on principal components"
GAMMA, WINDOW = 1.1, 100
"""Of VPR's second criterion; both from a secondary source."""


def frame_difference(video: np.ndarray) -> np.ndarray:
    """score_t = mean over pixels and channels of |o_t - o_{t-1}|.

    Args:
        video: uint8, (batch, time, height, width, channel).

    Returns (batch, time), in units of the range from black to white; 0 at the first frame.
    """
    difference = np.abs(np.diff(video.astype(np.int16), axis=1)).mean((2, 3, 4))
    return _after_first(difference / 255)


def mean_colour_change(video: np.ndarray) -> np.ndarray:
    """score_t = |m_t - m_{t-1}|, the distance of the mean colours m of two frames.

    Takes and returns what :func:`frame_difference` does.
    """
    return _distance(video.mean((2, 3)) / 255)


def moving_colour_change(video: np.ndarray) -> np.ndarray:
    """score_t = |f_t - f_{t-1}|, the distance of the mean colours f of what moves.

    What moves are the pixels that are off their clip's median frame by more than ``MOVING``; where
    there are none, f_t is f_{t-1}. On Moving Ball these are the ball's, and f is its colour.

    Takes and returns what :func:`frame_difference` does.
    """
    colours = np.zeros((*video.shape[:2], video.shape[-1]))
    for clip, found in zip(video, colours, strict=True):
        still = np.median(clip, axis=0)
        moving = (np.abs(clip - still) > MOVING).any(-1)
        pixels = moving.sum((1, 2))
        total = np.where(moving[..., None], clip, 0).sum((1, 2))
        found[:] = total / np.maximum(pixels, 1)[:, None] / 255
        last = np.maximum.accumulate(np.where(pixels > 0, np.arange(len(clip)), 0))
        found[:] = found[last]
    return _distance(colours)


DETECTORS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "frame difference": frame_difference,
    "mean colour of the frame": mean_colour_change,
    "mean colour of what moves": moving_colour_change,
}


def best_threshold(score: np.ndarray, truth: np.ndarray) -> float:
    """The threshold above which claiming an event gives the best F1; of equals the highest.

    It lies midway between two scores. With no event to find it is infinite.

    Args:
        score, truth: (batch, time); the first frame does not count. The truth is bool.
    """
    scores, events = score[:, 1:].ravel(), truth[:, 1:].ravel()
    if not events.any():
        return float("inf")
    order = np.argsort(-scores, kind="stable")
    scores, events = scores[order], events[order]
    matched, claimed = events.cumsum(), np.arange(1, len(scores) + 1)
    f1 = 2 * matched / (claimed + events.sum())
    following = np.append(scores[1:], min(scores[-1], 0) - 1)
    f1[scores == following] = -1  # no threshold divides equal scores
    best = int(f1.argmax())
    return float((scores[best] + following[best]) / 2)


Detect = Callable[[np.ndarray], np.ndarray]
"""Takes clips, uint8 (batch, time, height, width, channel); claims events, bool (batch, time)."""


def fit_detectors(train: Clips, level: int = 2) -> dict[str, Detect]:
    """The trivial detectors with the thresholds that are best for a level on training clips, by
    name.

    :data:`RUPTURES` is among them only where the package is installed. Empty where the clips do not
    know their events.
    """
    if (truth := train.truth(level)) is None:
        return {}
    fitted = {name: _above(score, train.video, truth) for name, score in DETECTORS.items()}
    return fitted | ({RUPTURES: _fit_ruptures(train.video, truth)} if has_ruptures() else {})


def _above(score: Detect, video: np.ndarray, truth: np.ndarray) -> Detect:
    threshold = best_threshold(score(video), truth)
    return lambda clips: score(clips) > threshold


def floor_scores(train: Clips, test: Clips, level: int = 2) -> dict[str, EventScores]:
    """The trivial detectors on test clips against the truth of a level, by name.

    Empty where either clips do not know their events.
    """
    if (truth := test.truth(level)) is None:
        return {}
    return {
        name: event_scores(detect(test.video), truth)
        for name, detect in fit_detectors(train, level).items()
    }


def pool_floors(train: Clips, tested: Iterable[Clips], level: int = 2) -> dict[str, dict[str, Any]]:
    """The trivial detectors on clips that are read one after the other, against the truth of a
    level: by name ``rate``, of claimed events a frame, and ``tolerance``, the scores under each of
    :data:`~dlh.evaluation.events.TOLERANCES`.

    Args:
        train: training clips with their true events, for the thresholds.
        tested: clips that know theirs.
        level: from 2 on.
    """
    fitted = fit_detectors(train, level)
    counts = {name: np.zeros((len(TOLERANCES), 4), dtype=np.int64) for name in fitted}
    for clips in tested:
        truth = clips.truth(level)
        assert truth is not None
        for name, detect in fitted.items():
            claimed = detect(clips.video)
            counts[name] += [
                astuple(event_scores(claimed, truth, tolerance=each)) for each in TOLERANCES
            ]
    return {name: rate_and_scores(of_floor) for name, of_floor in counts.items()}


def unexpected(
    static_divergence: np.ndarray, *, gamma: float = GAMMA, window: int = WINDOW
) -> np.ndarray:
    """VPR's second criterion: e_t = 1 where D_t > gamma * mean(D_{t-window}, ..., D_{t-1}).

    D_t = KL[q || p(s | e=0)], with as many steps before t as there are, from the second on: the
    first is forced and says nothing. No change is claimed before a mean exists, at t = 1 and 2.

    Args:
        static_divergence: D of one level, nats, (batch, time).
        gamma: how much above its mean.
        window: steps of the mean.

    Returns bool (batch, time).
    """
    found = np.zeros(static_divergence.shape, dtype=bool)
    for time in range(2, static_divergence.shape[1]):
        before = static_divergence[:, max(1, time - window) : time]
        found[:, time] = static_divergence[:, time] > gamma * before.mean(axis=1)
    return found


def expected(change_divergence: np.ndarray, static_divergence: np.ndarray) -> np.ndarray:
    """VPR's first criterion, which is Eq. 4: e_t = 1 where KL[q || p(s|e=0)] exceeds
    KL[q || p(s|e=1)]. Both in nats, (batch, time); bool, False at the first frame.
    """
    found = static_divergence > change_divergence
    found[:, 0] = False
    return found


def vpr_events(
    change_divergence: np.ndarray, static_divergence: np.ndarray
) -> dict[str, np.ndarray]:
    """VPR's rule over the divergences of a level: its second criterion alone, and either of both.

    Both divergences in nats, (batch, time). Returns bool (batch, time) by name.
    """
    alone = unexpected(static_divergence)
    return {
        "VPR's rule, unexpected changes": alone,
        "VPR's rule, both criteria": alone | expected(change_divergence, static_divergence),
    }


def has_ruptures() -> bool:
    """Whether the package ``ruptures`` is installed, which one of the floors needs."""
    return importlib.util.find_spec("ruptures") is not None


def change_points(signal: np.ndarray, penalty: float, *, shortest: int = 1) -> list[int]:
    """Where the mean of a signal changes: the steps that minimise the squared error within the
    stretches between them, and ``penalty`` for each; ``ruptures``, the linear kernel.

    Args:
        signal: (time, dimensions).
        penalty: in the unit of a squared error.
        shortest: steps between two changes, at least.

    Returns the first step of each stretch but the first.
    """
    import ruptures

    if len(signal) < 2 * shortest:
        return []
    detector = ruptures.KernelCPD(kernel="linear", min_size=shortest).fit(signal)
    return [int(step) for step in detector.predict(pen=penalty)[:-1]]  # the last is the end


def _fit_ruptures(video: np.ndarray, truth: np.ndarray) -> Detect:
    """Changes of the mean in principal components of the frames, by the penalised least squares of
    the kernel change point detector with a linear kernel.
    """
    mean, axes, variance = _principal(video)

    def changes(clips: np.ndarray, penalty: float) -> np.ndarray:
        found = np.zeros(clips.shape[:2], dtype=bool)
        for clip, row in zip(clips, found, strict=True):
            signal = (clip.reshape(len(clip), -1) / 255 - mean) @ axes
            row[change_points(signal, penalty * variance)] = True
        return found

    best = max(PENALTIES, key=lambda penalty: event_scores(changes(video, penalty), truth).f1)
    return lambda clips: changes(clips, best)


def _principal(video: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean frame, (pixels,), the first components, (pixels, components), and the variance of a
    frame in them.
    """
    frames = video.reshape(-1, int(np.prod(video.shape[2:])))
    frames = frames[:: -(-len(frames) // FITTED_FRAMES)] / 255
    mean = frames.mean(axis=0)
    _, _, axes = np.linalg.svd(frames - mean, full_matrices=False)
    axes = axes[:COMPONENTS].T
    return mean, axes, float(((frames - mean) @ axes).var(axis=0).sum())


def _distance(colours: np.ndarray) -> np.ndarray:
    return _after_first(np.linalg.norm(np.diff(colours, axis=1), axis=-1))


def _after_first(score: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((len(score), 1)), score], axis=1)
