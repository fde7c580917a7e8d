"""The times of a file's frames, from stamps that may be missing, unordered or restarted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TypeVar

# No decoder holds more frames back to bring them into order, so a stamp that is further behind is
# that of a clock that was started again.
_MOST_REORDERED = 16
# Of a rate in a header and the rate of the stamps: milliseconds are coarse stamps.
_AGREEMENT = Fraction(3, 100)

Frame = TypeVar("Frame")


def in_time(
    frames: Iterable[tuple[Fraction | None, Frame]], *, period: Fraction, notes: list[str]
) -> Iterator[tuple[Fraction, Frame]]:
    """Frames in the order of display, each with a time in seconds that is later than the last.

    A stamp that is good is kept as it is. One that is missing, or not later than the frame before,
    becomes one period after that. A clock that was started again, as in joined recordings, goes on
    from the frame before.

    Args:
        frames: (stamp in seconds, frame).
        period: seconds between two frames, where nothing better is known.
        notes: receives a line where a clock was started again, once.
    """
    clock: Fraction | None = None
    shift = Fraction(0)
    for number, (stamp, frame) in enumerate(frames):
        if clock is None:
            now = Fraction(0) if stamp is None else stamp
        else:
            now = clock + period if stamp is None else stamp + shift
            if now <= clock - _MOST_REORDERED * period:
                if not shift:
                    notes.append(
                        f"the file's clock goes back by {float(clock - now):.3g} s at frame "
                        f"{number}, as where recordings were joined; times go on from the frame "
                        "before"
                    )
                shift += clock + period - now
            if now <= clock:
                now = clock + period
        clock = now
        yield clock, frame


def measured_rate(
    stamps: Sequence[Fraction], announced: Iterable[Fraction | None]
) -> Fraction | None:
    """Frames a second by the stamps: the announced rate that they agree with, else their own.

    Args:
        stamps: times in seconds of consecutive frames, in any order.
        announced: rates of the header, the best first.

    Returns:
        None where the stamps tell no rate.
    """
    times = sorted(set(stamps))
    if len(times) > 2 * _MOST_REORDERED:  # of the last ones those between may be still to come
        times = times[:-_MOST_REORDERED]
    if len(times) < 2:
        return None
    mean = (len(times) - 1) / (times[-1] - times[0])
    return agreeing_rate(mean, announced) or mean.limit_denominator(1001)


def agreeing_rate(mean: Fraction, announced: Iterable[Fraction | None]) -> Fraction | None:
    """The first of the announced rates that is the mean, but for the rounding of stamps."""
    return next((rate for rate in announced if rate and abs(rate / mean - 1) < _AGREEMENT), None)
