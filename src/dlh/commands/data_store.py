"""What the commands on data do: videos into a store, and a store checked."""

from __future__ import annotations

import time
from pathlib import Path

from tqdm import tqdm

from dlh.commands.data_options import ImportOptions
from dlh.commands.options import form_of
from dlh.data.clips import DataError
from dlh.data.store.folder import import_folder
from dlh.data.store.splits import check_fractions
from dlh.data.store.store import INDEX, Index, Store, is_store
from dlh.data.store.verify import store_bytes, verify_store
from dlh.data.video.resize import check_framing, check_rate
from dlh.errors import UsageError
from dlh.files.writing import Say, check_not_among
from dlh.runs.data_names import store_path
from dlh.runs.import_bar import ImportBar

LISTED = 20
"""Damaged parts named one by one."""


def import_videos(options: ImportOptions, *, say: Say = print) -> None:
    """Decode a folder of videos, or one, into a store of square frames, and report what it gave.

    What an interrupted import left at ``options.out`` is used. ``say`` takes a line for each thing
    found or done.

    Raises:
        UsageError: the shares, the frame rate or the crop are invalid, or the videos are a store
            already.
        DataError: there is nothing to import, or the store cannot be made.
    """
    path, out, clip_length = options.path, options.out, options.clip_length
    try:
        check_fractions(options.split)
        if options.fps is not None:
            check_rate(options.fps)
        check_framing(options.crop, options.fit)
        form = form_of(options)
    except DataError as error:
        raise UsageError(str(error)) from error
    if is_store(path):
        raise UsageError(f"{path} is a clip store already; see dlh data inspect {path}")
    if _unfinished(out).exists() and not out.exists():
        say(f"{out}: continuing an interrupted import, if videos and options are the same")
    try:
        with ImportBar() as bar:
            report = import_folder(
                path,
                out,
                height=options.size,
                width=options.size,
                channels=1 if options.grey else 3,
                fps=options.fps,
                crop=options.crop,
                fit=options.fit,
                form=form,
                split=options.split,
                split_file=options.split_file,
                seed=options.seed,
                progress=bar.show,
            )
    except KeyboardInterrupt:
        say("the videos read so far are kept; the same command continues")
        raise
    say(report.table(clip_length))
    if not any(report.clips(clip_length).values()):
        longest = max(video.length for video in report.videos)
        say(
            f"no video has {clip_length} frames, the longest has {longest}; train with "
            f"--training.clip-length {longest} or less"
        )
    say(f"written: {out}")


def verify(*, store: Path, say: Say = print) -> None:
    """Read a whole store and compare it with what was written.

    Raises:
        DataError: there is no store, or something in it is damaged; every part is said before.
    """
    store = store_path(store)
    check_is_store(store)
    begun = time.perf_counter()
    with tqdm(
        total=store_bytes(Index.read(store)), unit="B", unit_scale=True, leave=False, disable=None
    ) as bar:
        found = verify_store(store, progress=bar.update)
    seconds = time.perf_counter() - begun
    for damage in found.damage[:LISTED]:
        say(f"{damage.where}: {damage.what}")
    if len(found.damage) > LISTED:
        say(f"... and {len(found.damage) - LISTED} more")
    say(
        f"checked: the index, the sizes of {found.files} files, and the CRC-32 of {found.compared} "
        f"of {found.videos} videos ({found.frames} frames, {found.bytes / 2**20:.1f} MB) in "
        f"{seconds:.1f} s"
    )
    if found.damage:
        # A damage that is no video's own belongs to a file; both are named the same way.
        where = ", ".join(dict.fromkeys(damage.where for damage in found.damage[:3]))
        more = f" and {len(found.damage) - 3} more" if len(found.damage) > 3 else ""
        raise DataError(f"{store} is damaged: {where}{more}; remove it and import the videos again")
    say(f"{store} is as it was written")


def check_is_store(path: Path) -> None:
    """Refuse what is no store, and say how to make one of it.

    Raises:
        DataError: there is nothing, or something else, at the path.
    """
    if (path / INDEX).exists():
        return  # opening it says what is wrong with it, if anything is
    if path.exists():
        kind = "a folder without an index.json" if path.is_dir() else "a file"
        raise DataError(
            f"{path} is not a clip store, it is {kind}; make a store of videos with "
            f"`dlh data import {path} --out STORE`"
        )
    if _unfinished(path).exists():
        raise DataError(f"{path} is not finished; the `dlh data import` that began it continues it")
    raise DataError(
        f"{path} does not exist; make a store with `dlh data import VIDEOS --out {path}`"
    )


def check_outside_stores(*outputs: Path) -> None:
    """Raise UsageError for an output in a clip store, whose files it could replace."""
    for out in outputs:
        check_not_among(filter(is_store, out.resolve().parents), out)


def open_store(path: Path) -> Store:
    """The store that a command was given, by its path or as the name of a prepared data set.

    Errors as of :func:`dlh.runs.data_names.store_path`, :func:`check_is_store`, Store.open.
    """
    path = store_path(path)
    check_is_store(path)
    return Store.open(path)


def _unfinished(path: Path) -> Path:
    return path.absolute().with_name(f".{path.absolute().name}.unfinished")
