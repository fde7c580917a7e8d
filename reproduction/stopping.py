"""Stopping a command of several runs, which goes on where it is given again."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from dlh.cli.running import complain, complain_interrupted
from dlh.training.errors import Interrupted

REPEAT = "give the same command again to go on"


@contextmanager
def goes_on_when_repeated() -> Generator[None]:
    """Within it a stop says what is saved and how to go on: by the same command.

    To resume the run that was being trained would finish that one only.

    Raises:
        SystemExit: it was stopped.
    """
    try:
        yield
    except Interrupted as error:
        complain_interrupted(error, REPEAT, f" of {error.folder}")
        raise SystemExit(130) from None
    except KeyboardInterrupt:
        complain("interrupted", f"what is finished is saved; {REPEAT}")
        raise SystemExit(130) from None
