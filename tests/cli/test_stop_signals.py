"""A command that is told to stop by a signal ends as after Ctrl-C."""

from __future__ import annotations

import signal

import pytest

from dlh.cli import info, main


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_stop_is_like_ctrl_c(number, monkeypatch, capsys):
    before = signal.signal(number, signal.SIG_DFL)
    try:
        monkeypatch.setattr(info, "facts", lambda: signal.raise_signal(number))
        assert main(["info"]) == 130
        assert capsys.readouterr().err == "dlh: interrupted\n"
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_a_signal_that_is_ignored_or_handled_stays_so(monkeypatch):
    heard = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def facts() -> dict[str, str]:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)
        return {"a": "b"}

    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
        monkeypatch.setattr(info, "facts", facts)
        assert main(["info"]) == 0 and heard == [signal.SIGTERM]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
