"""Which files an import reads, and Ctrl-C in the middle of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from dlh.data.store.folder import Progress
from dlh.runs.import_bar import ImportBar


def files_read(
    patch: pytest.MonkeyPatch, *, stop: Callable[[Sequence[str]], bool] = lambda names: False
) -> list[str]:
    """The names of the files that imports read from now on, each as often as it is shown.

    Args:
        patch: undoes this.
        stop: Ctrl-C falls when this is true of the names so far.
    """
    names: list[str] = []

    def show(self: ImportBar, progress: Progress) -> None:
        names.append(progress.source)
        if stop(names):
            raise KeyboardInterrupt

    patch.setattr(ImportBar, "show", show)
    return names
