"""Where the time of an evaluation goes."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Generator


class Stopwatch:
    """Seconds by name, added up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextlib.contextmanager
    def measuring(self, name: str) -> Generator[None]:
        """Adds the time that the block takes."""
        start = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - start
