"""What ``dlh discover`` wrote about a model, beside its run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ABOUT = "discover.json"


def read_about(folder: Path) -> dict[str, Any] | None:
    """What was asked, seen and chosen; None where the folder holds no such file, or a damaged
    one.
    """
    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) and isinstance(about.get("asked"), dict) else None
