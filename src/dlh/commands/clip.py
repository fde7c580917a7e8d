"""A clip of a world that is generated, as a film: something to try a model on."""

from __future__ import annotations

import numpy as np

from dlh.commands.data_options import ClipOptions
from dlh.data.published.catalogue import BOUNCING_BALL, TWO_CLOCKS
from dlh.data.video.encode import write_video
from dlh.data.worlds.bouncing_ball import BouncingBall
from dlh.data.worlds.moving_ball import MovingBall
from dlh.data.worlds.two_clocks import TwoClocks, TwoClocksClips
from dlh.errors import UsageError
from dlh.files.writing import Say, check_writable
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
            is invalid.
        DataError, OutputError: the film cannot be written.
    """
    preset, frames, number, out = options.preset, options.frames, options.number, options.out
    data = presets.preset(preset).data
    world = _world(data)
    if world is None:
        known = [name for name, make in presets.PRESETS.items() if _world(make().data) is not None]
        raise UsageError(
            f"the clips of preset {preset} are not generated with events; choose one of "
            f"{', '.join(known)}"
        )
    check_writable(out, ".mp4")
    clip = world.held_out_clip("test", number, clip_length=frames)
    scale = max(1, SIDE // clip.video.shape[2])
    write_video(out, clip.video[0], FRAMES_PER_SECOND, scale=scale)
    say(
        f"written: {out}: {frames} frames of test clip {number} of {preset}, enlarged {scale} times"
    )
    if isinstance(clip, TwoClocksClips):
        say(f"the ball's colour changes {_when(clip.ball_changes[0])}")
        say(f"the room changes {_when(clip.room_changes[0])}")
    else:
        say(f"its colour changes {_when((clip.bounces | clip.random_changes)[0])}")


def _world(data: DataConfig) -> MovingBall | TwoClocks | BouncingBall | None:
    """The world that a clip can be made of; None for films that exist."""
    if data.is_moving_ball:
        return MovingBall(data.ball)
    if data.source == TWO_CLOCKS:
        return TwoClocks(data.clocks)
    return BouncingBall(data.bouncing) if data.source == BOUNCING_BALL else None


def _when(changes: np.ndarray) -> str:
    places = np.flatnonzero(changes)
    return f"at frames {', '.join(map(str, places))}" if len(places) else "at no frame"
