"""Times to ticks, on numbers instead of frames."""

from __future__ import annotations

from fractions import Fraction

import pytest

from data.refusals import refused
from dlh.data.video.resize import check_rate
from dlh.data.video.retime import retime
from dlh.data.video.stamps import in_time


def shown(times, fps, source_fps=10):
    """Which frames, by number, are shown; and the notes."""
    notes = []
    frames = (
        (None if time is None else Fraction(time).limit_denominator(10**6), n)
        for n, time in enumerate(times)
    )
    period = 1 / Fraction(source_fps)
    timed = in_time(frames, period=period, notes=notes)
    found = [n for _, n in retime(timed, fps=Fraction(fps), lasts=lambda: period, notes=notes)]
    return found, notes


def test_the_same_rate_changes_nothing():
    assert shown([0, 0.1, 0.2, 0.3], 10) == ([0, 1, 2, 3], [])


def test_times_that_are_rounded_to_milliseconds_do_not_stutter():
    thirty = Fraction(30000, 1001)
    times = [round(float(n / thirty), 3) for n in range(300)]
    assert shown(times, thirty, thirty)[0] == list(range(300))
    floored = [int(1000 * n / thirty) / 1000 for n in range(300)]
    assert shown(floored, thirty, thirty)[0] == list(range(300))


def test_the_first_frame_is_time_zero():
    assert shown([7.5, 7.6, 7.7], 10)[0] == [0, 1, 2]


def test_the_last_frame_lasts_one_period():
    assert shown([0, 0.1], 40)[0] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert shown([0], 30)[0] == [0, 0, 0]


def test_a_pause_is_filled_with_the_frame_on_show():
    assert shown([0, 0.1, 0.5], 10) == ([0, 1, 1, 1, 1, 2], [])


@pytest.mark.parametrize("broken", [None, 0.05, -3.0])
def test_a_clock_that_stops_or_runs_backward_goes_on_by_one_period(broken):
    times = [0, 0.1, broken, broken if broken is None else broken + 0.1]
    assert shown(times, 10)[0] == [0, 1, 2, 3]


def test_a_clock_that_jumps_is_said_and_not_filled():
    frames, notes = shown([0, 0.1, 3600, 3600.1], 10)
    assert frames == [0, 1, 2, 3]
    assert notes == ["the clock jumps by 3600 s at frame 2; not filled"]


def test_nothing_in_nothing_out():
    assert shown([], 10) == ([], [])


def test_rates_are_exact():
    assert check_rate(29.97) == Fraction(2997, 100)
    assert check_rate(30000 / 1001) == Fraction(30000, 1001)
    assert float(check_rate(0.0002)) == pytest.approx(0.0002)  # a frame in 83 minutes
    assert shown([0, 0.1, 0.2], check_rate(0.0002))[0] == [0]
    for impossible in (-1, 0, 1001):
        with refused(impossible):
            check_rate(impossible)
