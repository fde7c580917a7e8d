"""A clip of a world that is generated, as a film: something to try a model on."""

from __future__ import annotations

import numpy as np

from dlh.commands.data_options import ClipOptions
from dlh.data.published.catalogue import MOVING_MNIST
from dlh.data.video.encode import write_video
from dlh.data.worlds.by_name import WORLDS
from dlh.data.worlds.two_clocks import TwoClocksClips
from dlh.errors import UsageError
from dlh.files.writing import Say, check_new, check_writable
from dlh.reports.render import plural
from dlh.runs import presets
from dlh.runs.experiment import DataConfig

FRAMES_PER_SECOND = 10
SIDE = 256
"""Of the film, pixels, about: a frame of 32 can hardly be seen, and a film that has one colour for
four pixels would blur it."""


def write_clip(options: ClipOptions, *, say: Say = print) -> None:
    """Write a held-out clip of the world that a preset trains on, and report when it changes.

    ``say`` takes a line for each thing done.

    Raises:
        UsageError: there is no such preset, its clips are not generated, or the name of the output
            is invalid or taken.
        DataError, OutputError: the film cannot be written.
    """
    preset, frames, number, out = options.preset, options.frames, options.number, options.out
    data = presets.preset(preset).data
    if not _has_a_ball(data):
        known = [name for name, make in presets.PRESETS.items() if _has_a_ball(make().data)]
        raise UsageError(
            f"the clips of preset {preset} are not generated with events; choose one of "
            f"{', '.join(known)}"
        )
    check_new([out], overwrite=options.overwrite)
    check_writable(out, ".mp4")
    field, world = WORLDS[data.source]
    clip = world(getattr(data, field)).held_out_clip("test", number, clip_length=frames)
    scale = max(1, SIDE // clip.video.shape[2])
    write_video(out, clip.video[0], FRAMES_PER_SECOND, scale=scale)
    say(
        f"written: {out}: {plural(frames, 'frame')} of test clip {number} of {preset}, enlarged "
        f"{plural(scale, 'time')}"
    )
    if isinstance(clip, TwoClocksClips):
        say(f"the ball's colour changes {_when(clip.ball_changes[0])}")
        say(f"the room changes {_when(clip.room_changes[0])}")
    elif clip.events is not None:
        say(f"its colour changes {_when(clip.events[0])}")


def _has_a_ball(data: DataConfig) -> bool:
    """Whether a clip can be made of it: it is of no films, and its changes are known."""
    return data.generated and data.source != MOVING_MNIST


def _when(changes: np.ndarray) -> str:
    places = np.flatnonzero(changes)
    return f"at frames {', '.join(map(str, places))}" if len(places) else "at no frame"
