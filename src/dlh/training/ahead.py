"""The clips of the next step, made by a thread while a GPU computes this one."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from dlh.data.clips import Clips, ClipSource, Split

Request = tuple[int, tuple[tuple[str, Any], ...]]


@contextmanager
def made_ahead(source: ClipSource, *, end: int, device: torch.device) -> Generator[ClipSource]:
    """The source, on a GPU with its batches made ahead. A processor's cores have work of their own.

    Args:
        source: the source.
        end: the step at which training ends.
        device: where a step is computed.
    """
    if device.type != "cuda":
        yield source
        return
    with Ahead(source, end=end, pinned=True) as ahead:
        yield ahead


class Ahead:
    """A clip source whose training batches are there when they are asked for.

    With every batch of a step, that of the next step is begun, for the same part of the clips: so
    at most one step's clips are held beside those in use. What is given is what the source gives,
    also its errors, each where its own batch is asked for. A context that leaves no thread behind.

    Args:
        source: the source. Its ``batch`` is called by one other thread, one call at a time.
        end: the step at which training ends; no clips are made for it.
        pinned: whether the frames lie in page-locked memory, from which a GPU fetches them several
            times as fast.
    """

    def __init__(self, source: ClipSource, *, end: int, pinned: bool = False) -> None:
        self.source, self.end, self.pinned = source, end, pinned
        self.name = source.name
        self._begun: dict[Request, Future[Clips]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="clips")

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        return self.source.frame_shape

    def held_out(self, split: Split, *, count: int, clip_length: int) -> Clips | None:
        """As the source gives them; none are made ahead."""
        return self.source.held_out(split, count=count, clip_length=clip_length)

    def batch(self, step: int, **request: Any) -> Clips:
        """The clips that the source gives for these arguments."""
        asked = tuple(sorted(request.items()))
        begun = self._begun.pop((step, asked), None)
        clips = begun.result() if begun else self._make(step, request)
        self._begun = {key: future for key, future in self._begun.items() if key[0] >= step}
        if step + 1 < self.end:
            self._begun[step + 1, asked] = self._thread.submit(self._make, step + 1, request)
        return clips

    def _make(self, step: int, request: dict[str, Any]) -> Clips:
        clips = self.source.batch(step, **request)
        if not self.pinned:
            return clips
        return replace(clips, video=torch.from_numpy(clips.video).pin_memory().numpy())
