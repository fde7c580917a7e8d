"""What ``dlh discover`` wrote about a model, beside its run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from dlh.analysis.event_methods import Method
from dlh.commands.options import EventsOptions
from dlh.data.video.live import is_stream
from dlh.files.writing import Say
from dlh.training.run import run_of

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


def with_method(options: EventsOptions, *, say: Say) -> EventsOptions:
    """The options with the method that ``auto`` stands for: what was chosen for this model by
    held-out videos, which is said, otherwise ``level``.

    Change points and cuts need the frames that follow: in a stream, motion stands for them.
    """
    if options.method != "auto":
        return options
    run = run_of(options.model)
    about = None if run is None or options.level is not None else read_about(run.path.parent)
    choice = {} if about is None else about.get("choice", {})
    if choice.get("method") not in get_args(Method):
        return replace(options, method="level")
    method = choice["method"]
    if any(map(is_stream, options.videos)):
        return replace(options, method="level" if method == "level" else "motion")
    say(f"method {method}: {choice.get('why', '')}")
    return replace(options, method=method)
