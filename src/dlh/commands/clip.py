"""A clip of a world that is generated, as a film: something to try a model on."""

from __future__ import annotations

import numpy as np

from dlh.commands.data_options import ClipOptions
from dlh.data.video.encode import write_video
from dlh.data.worlds.moving_ball import MovingBall
from dlh.errors import UsageError
from dlh.files.writing import Say, check_writable
from dlh.runs import presets

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
    if not data.is_moving_ball:
        known = [name for name, make in presets.PRESETS.items() if make().data.is_moving_ball]
        raise UsageError(
            f"{preset} is trained on films that exist; a clip can be made of the world of "
            f"{', '.join(known)}"
        )
    check_writable(out, ".mp4")
    ball = MovingBall(data.ball)
    clip = ball.held_out_clip("test", number, clip_length=frames)
    scale = max(1, SIDE // data.ball.size)
    write_video(out, clip.video[0], FRAMES_PER_SECOND, scale=scale)
    changes = np.flatnonzero(clip.bounces[0] | clip.random_changes[0])
    when = f"at frames {', '.join(map(str, changes))}" if len(changes) else "nowhere"
    say(
        f"written: {out}: {frames} frames of test clip {number} of {preset}, {scale} times as large"
    )
    say(f"its colour changes {when}")
