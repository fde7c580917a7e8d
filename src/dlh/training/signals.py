"""Signals to stop: Ctrl-C, SIGTERM (a scheduler, a shutdown) and SIGHUP (a closed terminal)."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator
from types import FrameType
from typing import Any, Self

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class StopRequest:
    """While entered, a signal to stop becomes a request that the loop reads between two steps.

    A second Ctrl-C does not wait for it and raises KeyboardInterrupt where it falls. So does any of
    the signals inside :meth:`at_once`. A signal that is being ignored (``nohup``) stays ignored;
    outside the main thread, where Python allows no handlers, nothing is changed.

    Attributes:
        requested: the name of the signal that asked, or None.
    """

    def __init__(self) -> None:
        self.requested: str | None = None
        self._interruptible = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in _NAMES:
                number = getattr(signal, name, None)  # Windows has no SIGHUP
                if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def at_once(self) -> Generator[None]:
        """Work that a request may cut off anywhere, because nothing is lost by that."""
        self._interruptible = True
        try:
            if self.requested:
                raise KeyboardInterrupt
            yield
        finally:
            self._interruptible = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        again = self.requested is not None and number == signal.SIGINT
        self.requested = signal.Signals(number).name
        if again or self._interruptible:
            raise KeyboardInterrupt
