"""A store to look at: what is in it, a sheet of its frames, and a film of its videos."""

from __future__ import annotations

from itertools import chain, zip_longest

from dlh.commands.data_options import InspectOptions
from dlh.commands.data_store import check_outside_stores, open_store
from dlh.data.clips import SPLITS
from dlh.data.store.report import ImportReport
from dlh.data.store.store import Store, StoredVideo
from dlh.data.video.encode import write_video
from dlh.files.writing import Say, check_name, check_new, check_writable, write_bytes
from dlh.reports.figures.contact_sheet import (
    ShownVideo,
    VideoFilm,
    draw_contact_sheet,
    shortened,
    spread,
)

SHOWN = 8
"""Videos in the pictures."""


def inspect(options: InspectOptions, *, say: Say = print) -> None:
    """Report what a store holds, and draw it. ``say`` takes a line for each thing found or done.

    Raises:
        UsageError: the name of the output is invalid, it exists, or it would lie in a store.
        DataError: there is no store, or the film cannot be written.
        OutputError: the sheet cannot be written.
    """
    out = options.out
    check_name(out, ".png")
    opened, film = open_store(options.store), out.with_suffix(".mp4")
    check_outside_stores(out, film)
    check_new([out, film], overwrite=options.overwrite)
    check_writable(out, ".png")
    check_writable(film, ".mp4")
    say(ImportReport.of(opened).table(options.clip_length))
    shown = tuple(
        ShownVideo(name=video.source, split=video.split, fps=video.fps, frames=opened.frames(video))
        for video in choose(opened, SHOWN)
    )
    channels, height, width = opened.frame_shape
    title = (
        f"{shortened(opened.index.name, 40)}: {len(shown)} of {len(opened.videos)} videos, "
        f"{height} x {width} {'grey' if channels == 1 else 'colour'}"
    )
    write_bytes(out, draw_contact_sheet(shown, title=title))
    playing = VideoFilm(videos=shown)
    write_video(film, playing, playing.fps)
    say(f"written: {out}, {film}")


def choose(store: Store, count: int) -> list[StoredVideo]:
    """Up to ``count`` videos, as many of each split as there are, and evenly spaced in each."""
    splits = [[video for video in store.videos if video.split == split] for split in SPLITS]
    turns = chain.from_iterable(zip_longest(*splits))  # one of each split, then a second, ...
    taken = [video.split for video in turns if video is not None][:count]
    chosen = []
    for videos in splits:
        number = taken.count(videos[0].split) if videos else 0
        chosen += [videos[place] for place in spread(len(videos), number)] if number else []
    return chosen
