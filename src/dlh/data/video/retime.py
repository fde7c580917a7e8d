"""Frames with times to frames at a constant rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TypeVar

from dlh.data.clips import DataError

# Containers round times, some to a millisecond: a frame that is this much late still counts as on
# time.
_ROUNDING = Fraction(1, 500)
# A longer gap is a damaged or restarted clock, and is not filled with copies of a frame.
_LONGEST_GAP = Fraction(60)

Frame = TypeVar("Frame")


def check_rate(fps: float) -> Fraction:
    """A frame rate as an exact number; raises :class:`DataError` for one that cannot be."""
    if not 0 < fps <= 1000:
        raise DataError(f"a frame rate is above 0 and at most 1000 frames a second, found {fps}")
    return Fraction(fps).limit_denominator(1001)


def retime(
    frames: Iterable[tuple[Fraction | None, Frame]],
    *,
    fps: Fraction,
    source_fps: Fraction,
    notes: list[str],
) -> Iterator[Frame]:
    """At each tick of ``fps`` the frame on show: repeated or left out, never mixed.

    Args:
        frames: (time in seconds, frame) in order; a time of None, or one that does not increase, is
            taken to be one period of ``source_fps`` after the frame before.
        notes: receives a line for each gap that was not filled.
    """
    period = 1 / source_fps
    held: Frame | None = None
    clock = shift = Fraction(0)
    ticks = 0
    for number, (time, frame) in enumerate(frames):
        if number == 0:
            shift = -(time or Fraction(0))
        else:
            expected = clock + period
            now = expected if time is None else time + shift
            if not clock < now <= clock + _LONGEST_GAP:
                if now > clock:
                    notes.append(
                        f"the clock jumps by {float(now - clock):.0f} s at frame {number}; not "
                        "filled"
                    )
                shift += expected - now
                now = expected
            assert held is not None
            while ticks / fps < now - _ROUNDING:
                yield held
                ticks += 1
            clock = now
        held = frame
    if held is not None:
        while ticks / fps < clock + period - _ROUNDING:
            yield held
            ticks += 1
