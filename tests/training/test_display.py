from __future__ import annotations

import io

import pytest

from dlh.training import display
from dlh.training.display import Display, details, held_out_summary

ENTRY = {
    "step": 25,
    "loss": 120.04,
    "reconstruction": -100.0,
    "state_kl": 19.0,
    "event_kl": 1.04,
    "mean_depth": 1.19,
    "steps_per_second": 0.5,
    "data_wait": 0.25,
}
HELD_OUT = {"step": 25, "validation.events.recall": 0.98765, "validation_seconds": 3.0}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_there_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(display.time, "monotonic", lambda: now)
    stream = io.StringIO()
    with Display(steps=100, stream=stream) as shown:
        shown.start(0, about=["training on cpu"])
        for _ in range(25):
            shown.advance()
            shown.figures(ENTRY)
        now += 31
        shown.figures({**ENTRY, "step": 50, "data_wait": 0.0})
    assert stream.getvalue().splitlines() == [
        "training on cpu",
        "step 25/100  loss 120.0  reconstruction -100.0  KL 19.00 + 1.04  L-bar 1.19  "
        "waiting for data 25%  0.5 steps/s  0:02:30 left",
        "step 50/100  loss 120.0  reconstruction -100.0  KL 19.00 + 1.04  L-bar 1.19  "
        "waiting for data 0%  0.5 steps/s  0:01:40 left",
    ]


def test_levels_and_memory_are_on_the_line_where_they_are_known() -> None:
    levels = {"state_kl.L1": 12.0, "state_kl.L2": 7.0, "event_kl.L1": 0.0, "event_kl.L2": 1.04}
    entry = {**ENTRY, **levels, "memory": 1234.4, "gpu_memory": 56.0}
    assert details(entry) == (
        "KL of L1 12.00, L2 8.04  waiting for data 25%  memory 1,234 MiB  on the GPU 56 MiB"
    )


def test_the_best_validation_so_far_is_marked() -> None:
    entry = {"step": 25, "validation.elbo": -3.0, "best_step": 25}
    assert held_out_summary(entry) == "step 25 held out:  elbo -3  (best so far)"
    assert held_out_summary({**entry, "step": 50}) == "step 50 held out:  elbo -3"


def test_held_out_figures_are_always_shown() -> None:
    stream = io.StringIO()
    with Display(steps=100, stream=stream) as shown:
        shown.start(0)
        shown.figures(HELD_OUT)
        shown.figures(HELD_OUT)
    assert stream.getvalue() == "step 25 held out:  events.recall 0.9877\n" * 2


def test_a_terminal_gets_a_bar_with_the_time_left() -> None:
    stream = Terminal()
    with Display(steps=4, stream=stream) as shown:
        shown.start(1)
        shown.advance()
        shown.figures(ENTRY)
        shown.figures(HELD_OUT)
    text = stream.getvalue()
    for part in ("2/4", "loss 120.0", "waiting for data 25%", "step 25 held out:", "<"):
        assert part in text, part


def test_a_finished_run_shows_nothing() -> None:
    stream = Terminal()
    with Display(steps=4, stream=stream) as shown:
        shown.start(4, about=["training on cpu"])
    assert stream.getvalue() == ""


@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_a_terminal_that_was_closed_stops_nothing(
    kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = kind()
    with Display(steps=4, stream=stream) as shown:
        shown.start(1)

        def closed(text: str) -> int:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(stream, "write", closed)
        shown.advance()
        shown.figures(ENTRY)
        shown.figures(HELD_OUT)
