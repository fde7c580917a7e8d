"""What a command said: shared by the tests of ``dlh`` and of ``python -m reproduction``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Answer:
    """What a command gave: its exit status, and all it said."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on standard error of a command that failed."""
        assert self.status != 0 and self.err.startswith("dlh: "), (self.status, self.err)
        assert self.err.count("\n") == 1 and self.err.endswith("\n"), self.err
        return self.err

    def names(self, words: str) -> bool:
        """Whether the one line on standard error holds each of these words: what was found, and
        where. How it is worded is not asked.
        """
        line = self.line
        return all(re.search(rf"(?<![\w-]){re.escape(word)}(?!\w)", line) for word in words.split())


def runner(
    main: Callable[[Sequence[str]], int], capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """A function that runs ``main`` with the words it is given."""

    def run(*words: object) -> Answer:
        capsys.readouterr()
        status = main([str(word) for word in words])
        said = capsys.readouterr()
        return Answer(status, said.out, said.err)

    return run
