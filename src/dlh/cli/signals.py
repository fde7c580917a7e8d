"""Being told to stop by something else than Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator

_NAMES = ("SIGTERM", "SIGHUP")


@contextlib.contextmanager
def stopped_like_ctrl_c() -> Generator[None]:
    """Within it SIGTERM (a scheduler, a shutdown) and SIGHUP (a closed terminal) are what Ctrl-C
    is: a KeyboardInterrupt, so that a command says what it kept and ends what it started.

    Who handles them already, or ignores them (``nohup``), goes on doing so; outside the main
    thread, where Python allows no handlers, nothing is changed.
    """
    changed = []
    if threading.current_thread() is threading.main_thread():
        for name in _NAMES:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, signal.default_int_handler)
                changed.append(number)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)
