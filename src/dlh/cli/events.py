"""``dlh events``: when something changed in a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dlh.cli.options import parse
from dlh.cli.output import say


@dataclass(frozen=True, kw_only=True)
class EventsOptions:
    """Find when something changed in a video, level by level, and how surprising it was.

    example:  dlh events runs/demo clip.mp4 --out events.json
    """

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A finished run, a folder with a model, a shipped model or a hub name."""
    video: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="VIDEO")]
    """A video file of any length; it is resized to the model's frames."""
    out: Path = Path("events.json")
    """Where the events go; a picture of them goes beside it as .png."""
    seed: int = 0
    """Of the sampled states."""


def main(arguments: Sequence[str]) -> int:
    """``dlh events``."""
    options = parse(EventsOptions, arguments, prog="dlh events")
    from dlh.commands.events import events_of_file

    events_of_file(**vars(options), say=say)
    return 0
