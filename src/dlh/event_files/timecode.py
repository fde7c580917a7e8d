"""Times as programs write them: hours, minutes, seconds and a fraction, or frames."""

from __future__ import annotations

from dlh.errors import UsageError

EDITING_RATES = (24, 25, 30, 48, 50, 60)
_MOST_HOURS = 24


class FormatError(UsageError):
    """The events of a video that a format cannot hold; of several, the others are written."""

    code = "format"


def clock(seconds: float) -> str:
    """HH:MM:SS.mmm; below 0 with a minus sign. Hours go on above 99."""
    whole = round(abs(seconds) * 1000)
    sign = "-" if seconds < 0 and whole else ""
    hours, minutes = divmod(whole // 60_000, 60)
    return f"{sign}{hours:02d}:{minutes:02d}:{whole // 1000 % 60:02d}.{whole % 1000:03d}"


def editing_rate(fps: float) -> int:
    """Frames of a second of timecode: a rate that editing programs know.

    24 to 60 stand for themselves and for the broadcast rate next to them (30 for 29.97). Of another
    rate it is the lowest multiple among them, such as 30 for 10, otherwise 60.
    """
    for rate in EDITING_RATES:
        if abs(fps - rate) <= 0.002 * rate:
            return rate
    return next((rate for rate in EDITING_RATES if rate / fps == round(rate / fps)), 60)


def timecode(frame: int, fps: float) -> str:
    """Non-drop SMPTE timecode HH:MM:SS:FF of a video's frame, at the :func:`editing_rate`.

    Raises:
        FormatError: the frame lies 24 hours or more after the beginning, where timecode begins anew
            (code "timecode-overflow").
    """
    rate = editing_rate(fps)
    stands_for_itself = abs(fps - rate) <= 0.002 * rate
    counted = frame if stands_for_itself else round(frame * rate / fps)
    seconds, rest = divmod(counted, rate)
    hours, minutes = divmod(seconds // 60, 60)
    if hours >= _MOST_HOURS:
        raise FormatError(
            f"timecode ends at {_MOST_HOURS} hours, found frame {frame} at {fps:g} frames a "
            "second; split the recording, or write another format",
            code="timecode-overflow",
        )
    return f"{hours:02d}:{minutes:02d}:{seconds % 60:02d}:{rest:02d}"
