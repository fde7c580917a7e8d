"""The study of the digits measures what it says."""

from __future__ import annotations

import sys

import pytest
import torch

from reproduction.studies import digits


def test_changes_are_counted_apart_where_the_frame_is_darkest():
    brightness = torch.tensor([[0.0, 9, 8, 1, 7, 6], [0.0, 2, 9, 8, 7, 6]])
    changed = torch.zeros(2, 6, dtype=torch.bool)
    changed[0, [0, 3]] = True  # the first step is no change
    changed[1, 4] = True
    assert digits.changes_where_covered(changed, brightness) == (0.5, 1 / 8)


def test_brightness_is_held_against_the_frames_own():
    original = torch.full((2, 1, 2, 2), 0.5)
    frames = original[:, None] * torch.tensor([0.5, 1.0, 1.5])[:, None, None, None]
    expected = torch.tensor([-0.5, 0, 0.5] * 2).std()
    assert digits.brightness_differs(original, frames) == pytest.approx(float(expected))
    moved = frames.roll(1, -1)[:, 1:2]
    assert digits.brightness_differs(original, moved.expand(-1, 3, -1, -1, -1)) == 0


def test_every_level_has_a_row(finished, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["digits.py", str(finished), "--clips", "2"])
    digits.main()
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    assert [int(row[0]) for row in rows] == [1, 2]
    assert [float(value) for value in rows[0][2:]] == [1, 1]
    assert float(rows[0][1]) > 0
