"""A user's own videos: imported into a store, or once into the cache."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from dlh.data.augmentation import Augmentation
from dlh.data.claim import claim
from dlh.data.clips import DataError
from dlh.data.store.discover import find_sources
from dlh.data.store.episodes import open_episodes
from dlh.data.store.importing import Import, Progress
from dlh.data.store.report import ImportReport
from dlh.data.store.source import StoreSource
from dlh.data.store.splits import Fractions, Listed, Shares, SplitRule, rule_for
from dlh.data.store.store import Store, is_store
from dlh.data.video.arrays import RECOGNISED, ArrayForm
from dlh.data.video.decode import open_clips
from dlh.data.video.resize import Crop, Fit, Target
from dlh.files.writing import cache_folder

SPLIT: Fractions = (0.8, 0.1, 0.1)


def import_folder(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    height: int,
    width: int,
    channels: int,
    fps: float | None = None,
    crop: Crop | None = None,
    fit: Fit = "squash",
    form: ArrayForm = RECOGNISED,
    split: Fractions = SPLIT,
    split_file: Path | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport:
    """Decodes a folder of videos (or one file) once, resized, into a store at ``out``.

    Files that cannot be used are in the report with the reason. An interrupted import continues
    where it stopped.

    Args:
        path: the folder; those below it are searched too. A folder of pictures is one video. Each
            clip of an array file of several is one, called FILE#NUMBER. Of a data set of LeRobot or
            Minari each episode is one (:mod:`dlh.data.store.episodes`).
        out: the folder of the store; must not exist.
        channels: 3 for colour, 1 for grey.
        fps: re-times every video to this rate; None keeps every frame.
        crop, fit: see :class:`dlh.data.video.resize.Target`.
        form: what is known of array files, or which camera of a recording is read.
        split: the shares of train, validation and test, where the names of files and folders say
            no splits. Whole files are split, never frames; with one or two files everything is for
            training, and the report says so.
        split_file: a list of the split of each file, instead.
        seed: decides which file goes where.

    Raises:
        DataError: nothing to import, ``out`` exists or cannot be written, or another process builds
            it.
    """
    target = Target(height=height, width=width, channels=channels, fps=fps, crop=crop, fit=fit)
    shares = Shares(split, seed=seed)
    listed = None if split_file is None else Listed.read(split_file)
    plan = _plan(Path(path), target, lambda files: listed or rule_for(files, shares), form)
    with claim(out, wait=False) as claimed:
        return ImportReport.of(plan.build(claimed, progress))


def open_data(
    path: str | os.PathLike[str],
    *,
    frame_shape: tuple[int, int, int],
    clip_length: int,
    fps: float | None = None,
    crop: Crop | None = None,
    fit: Fit = "squash",
    split: Fractions = SPLIT,
    by_name: bool = True,
    augmentation: Augmentation | None = None,
    gap: int | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> StoreSource:
    """A user's data, ready for training: a store, a folder or one video.

    Folders and files are decoded once into :func:`cache_folder`, under a name made of the path, the
    files' sizes and times and all arguments; the next call with the same finds it. A damaged entry
    of the cache is made again.

    Args:
        frame_shape: (channel, height, width) that the model takes.
        clip_length: of the training clips; it is an error if no training video is that long.
        by_name: whether the names of files and folders that say splits are honoured.
        augmentation, gap: see :class:`StoreSource`.

    Raises:
        DataError: see :func:`import_folder`; a store of another frame shape, or one whose frames
            are to be changed; no clip of that length.
    """
    path = Path(path)
    if is_store(path):
        if fps is not None or crop is not None or fit != "squash":
            raise DataError(
                f"{path} is a clip store, whose frames are as they were imported: import the "
                "videos again with this fps, crop or fit"
            )
        store = Store.open(path)
        if store.frame_shape != tuple(frame_shape):
            raise DataError(
                f"{path} holds frames of (channel, height, width) = {store.frame_shape}, this "
                f"model takes {tuple(frame_shape)}; import the videos again in that size, or "
                "train a model of the store's"
            )
    else:
        channels, height, width = frame_shape
        target = Target(height=height, width=width, channels=channels, fps=fps, crop=crop, fit=fit)
        shares = Shares(split, seed=seed)
        plan = _plan(path, target, lambda files: rule_for(files, shares) if by_name else shares)
        store = _cached(plan, progress)
    source = StoreSource(store, augmentation=augmentation, gap=gap)
    source.check_clip_length(clip_length)
    return source


def _plan(
    path: Path,
    target: Target,
    rule: Callable[[list[str]], SplitRule],
    form: ArrayForm = RECOGNISED,
) -> Import:
    root = Path(os.path.abspath(path))
    recorded = open_episodes(root, form)
    found = find_sources(root) if recorded is None else recorded.found()
    names = [source.name for source in found.sources]
    return Import(
        root=root,
        found=found,
        target=target,
        rule=rule(names),
        # Only where something was said: older stores are found again.
        settings={} if form == RECOGNISED else {"form": asdict(form)},
        opener=partial(open_clips, form=form) if recorded is None else recorded.open,
    )


def _cached(plan: Import, progress: Callable[[Progress], None] | None) -> Store:
    slug = re.sub(r"[^A-Za-z0-9]+", "-", plan.root.name).strip("-")[:40] or "videos"
    place = cache_folder() / f"{slug}-{plan.recipe.digest()[:16]}"
    if store := _intact(place):
        return store
    try:
        with claim(place, wait=True) as claimed:
            if store := _intact(place):  # another process made it while we waited
                return store
            if place.exists():
                shutil.rmtree(place)
            return plan.build(claimed, progress)
    except DataError as error:
        folders = (folder for folder in place.parents if folder.exists())
        if not os.access(next(folders), os.W_OK):
            raise DataError(f"{error}; set DLH_CACHE to a folder that you can write to") from None
        raise


def _intact(place: Path) -> Store | None:
    try:
        return Store.open(place)
    except DataError:
        return None
