"""What the page of a run is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlh.analysis.measure import Changes, FutureFigures


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that the page shows. What is None is left out, and the words follow what is there.

    Attributes:
        data: what was watched, for people ("Moving Ball").
        run: the run's folder, as one would type it.
        frame_shape: (channel, height, width).
        levels: N.
        parameters: of the model.
        steps: of training.
        seconds: of training.
        what_changes: the true events, in words that follow "when" ("the ball changes colour").
        changes: when the levels changed on held-out clips.
        futures: what the predictions are worth on the same clips.
        fps: frames per second, to speak of seconds.
        film: prediction.mp4.
        events_png, still_png, psnr_png, curves_png: the pictures.
        commands: what to type next, with what it does.
        settings: the run's settings, nested as they are saved.
        versions: of the software.
    """

    data: str
    run: str
    frame_shape: tuple[int, int, int]
    levels: int
    parameters: int
    steps: int
    seconds: float
    what_changes: str = "something changes"
    changes: Changes = field(default_factory=Changes)
    futures: FutureFigures | None = None
    fps: float | None = None
    film: bytes | None = None
    events_png: bytes | None = None
    still_png: bytes | None = None
    psnr_png: bytes | None = None
    curves_png: bytes | None = None
    commands: Sequence[tuple[str, str]] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
