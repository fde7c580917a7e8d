"""Pictures that a command writes where matplotlib is installed, and does without elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from dlh.reports.figures.canvas import MissingExtraError


def drawn(name: str, draw: Callable[[], bytes], *, said: str = "") -> dict[str, bytes]:
    """The picture under its name; nothing, and a warning, where matplotlib is not installed.

    Args:
        name: of the picture.
        draw: gives it as PNG.
        said: what the warning calls it, if not by its name.
    """
    try:
        return {name: draw()}
    except MissingExtraError as error:
        warnings.warn(f"no {said or name}: {error}", stacklevel=2)
        return {}
