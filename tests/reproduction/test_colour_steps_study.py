"""The study of the colour steps measures what it says."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import torch

from reproduction.studies import colour_steps as steps


def test_only_the_steps_from_one_colour_to_the_next_are_counted():
    colours = torch.tensor([[5, 0, 0, 1, 5, 0], [0, 1, 5, 0, 0, 0]])
    nats = torch.arange(12.0).reshape(2, 6)
    trace = SimpleNamespace(
        change_divergence=torch.stack((nats * 0, nats), 2),
        static_divergence=torch.stack((nats * 0, nats * 10), 2),
    )
    assert steps.costs(trace, colours, 5, 0) == (5, 50)  # of 1, 5 and 9


def test_every_step_of_the_cycle_that_happened_has_a_row(finished, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["colour_steps.py", str(finished), "--clips", "6"])
    steps.main()
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows and all(" to " in row[0] for row in rows)
    for row in rows:
        recall, to_change, to_static = map(float, row[1:])
        assert 0 <= recall <= 1 and min(to_change, to_static) >= 0
