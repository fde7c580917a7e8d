"""Frames with times to frames at a constant rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import TypeVar

# Containers round times, some to a millisecond: a frame that is this much late still counts as on
# time.
_ROUNDING = Fraction(1, 500)
# A longer gap is a damaged or restarted clock, and is not filled with copies of a frame.
_LONGEST_GAP = Fraction(60)

Frame = TypeVar("Frame")


def retime(
    frames: Iterable[tuple[Fraction, Frame]],
    *,
    fps: Fraction,
    lasts: Callable[[], Fraction],
    notes: list[str],
) -> Iterator[tuple[Fraction, Frame]]:
    """At each tick of ``fps`` the frame on show: repeated or left out, never mixed.

    Args:
        frames: (time in seconds, frame), each later than the one before; the first is at a tick.
        lasts: the seconds that the frame read last is on show, if nothing follows it.
        notes: receives a line for each gap that was not filled.

    Yields:
        (time of the tick on the clock of ``frames``, frame).
    """
    held: Frame | None = None
    clock = start = Fraction(0)  # of the frame on show, and of tick 0
    ticks = 0
    for number, (time, frame) in enumerate(frames):
        if held is None:
            start = time
        else:
            end = time
            if time > clock + max(_LONGEST_GAP, lasts()):
                notes.append(
                    f"the clock jumps by {float(time - clock):.0f} s at frame {number}; not filled"
                )
                end = clock + lasts()
            while start + ticks / fps < end - _ROUNDING:
                yield start + ticks / fps, held
                ticks += 1
            if end != time:  # ticks begin again at this frame
                start, ticks = time, 0
        clock, held = time, frame
    if held is not None:
        while start + ticks / fps < clock + lasts() - _ROUNDING:
            yield start + ticks / fps, held
            ticks += 1
