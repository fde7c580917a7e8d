"""Held-out clips: which split they are from, how long they are, whether there are enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dlh.data.clips import Clips, ClipSource, Split

ALL: Literal["all"] = "all"
"""In place of a split: clips of all of them, of data that the model was not trained on."""
PREFERRED: tuple[Split, ...] = ("test", "validation")


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Held-out clips.

    Attributes:
        split: where they are from; ALL where the model was trained on other data.
        clips: of one length.
        left_out: what of the data is not taken, or not known, and why.
    """

    split: Split | Literal["all"]
    clips: Clips
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.clips.video)


def held_out(source: ClipSource, *, count: int, clip_length: int) -> HeldOut | None:
    """Test clips of that many frames, else validation clips; None where there are neither."""
    for split in PREFERRED:
        clips = source.held_out(split, count=count, clip_length=clip_length)
        if clips is not None:
            return HeldOut(split=split, clips=clips)
    return None


def of_first_length(
    lengths: Sequence[int], find: Callable[[int], HeldOut | None], *, enough: int = 1
) -> HeldOut | None:
    """Held-out clips of the first length of which there are enough.

    Args:
        lengths: frames of a clip, the most welcome first.
        find: gives the clips of a length, or None.
        enough: so many clips are not given up for longer ones.

    Returns:
        Where there are nowhere enough, those of the length with the most clips, and of equals the
        more welcome; None where there is no clip at all.
    """
    most: HeldOut | None = None
    for length in lengths:
        found = find(length)
        if found is None:
            continue
        if len(found) >= enough:
            return found
        if most is None or len(found) > len(most):
            most = found
    return most
