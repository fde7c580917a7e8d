"""The data sets that have a name: which there are, and how they come to be here."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from dlh.commands.data_options import ListOptions, PrepareOptions
from dlh.data.claim import claim
from dlh.data.clips import SPLITS, DataError, Split
from dlh.data.fetch.remote import sha256_of
from dlh.data.published import kth
from dlh.data.published.catalogue import CATALOGUE, GQN_MAZES_TFRECORD, KTH
from dlh.data.published.data_set import Layout
from dlh.data.published.obtain import fetch_one, missing_parts, obtain
from dlh.data.published.places import Place, data_root
from dlh.data.store.discover import Found
from dlh.data.store.importing import Import
from dlh.data.store.report import ImportReport
from dlh.data.store.store import Store, is_store
from dlh.data.video.resize import Target
from dlh.data.worlds.digits import load_digits
from dlh.errors import UsageError
from dlh.files.text_table import text_table
from dlh.files.writing import Say
from dlh.runs.data_names import named
from dlh.runs.import_bar import ImportBar

LONG = 330
"""Frames of the field's long task: 30 to watch and 300 to predict."""
LISTED = 5
"""Missing files named one by one."""


def list_data(options: ListOptions, *, say: Say = print) -> None:
    """Tell which data sets have a name, and what of them is here."""
    rows = [("name", "here", "what", "size", "licence")]
    rows += [
        (d.name, Place.of(d, options.root).state(), d.what, d.size, d.licence)
        for d in CATALOGUE.values()
    ]
    lines = text_table([row[:3] for row in rows])
    indent = " " * lines[0].index("here")
    for line, (*_, size, licence) in zip(lines, rows, strict=True):
        say(line)
        say(f"{indent}{size}; {licence}")
    say(f"\ntheir folder is {data_root(options.root)} (--root, or DLH_DATA)")


def prepare(options: PrepareOptions, *, say: Say = print) -> None:
    """Bring a data set here and make a store of it; what is here already is not done again.

    ``say`` takes a line for each thing found or done.

    Raises:
        UsageError: there is no such data set, or an option is for another kind of data set.
        DataError: files are missing and cannot be fetched, none can be used, or the store cannot
            be made.
    """
    name, size, videos = options.name, options.size, options.videos
    data_set = named(name)
    if videos is not None and data_set.kind != "made":
        raise UsageError(
            f"the number of videos is an option of generated data sets, {name} is a published one; "
            "leave out --videos"
        )
    place = Place.of(data_set, options.root)
    say(f"{name}: {data_set.what}; from: {data_set.origin}")
    say(f"{data_set.licence}; cite: {data_set.citation}")
    if data_set.kind == "generated":
        say(f"nothing to prepare: its clips are {data_set.origin}; use it with --data {name}")
    elif data_set.kind == "digits":
        _prepare_digits(place, say)
    else:
        wanted: dict[str, object] = {}
        counts = None if videos is None else dict(zip(SPLITS, videos, strict=True))
        layout = data_set.layout
        if layout is not None:
            layout = layout.without_validation() if options.no_validation else layout
            wanted = dict(layout.settings())
        elif counts is not None:
            wanted = {"videos": counts}
        if place.store.exists():
            _check_same(place, size, wanted)
            say(f"{place.store} is prepared already")
            return
        try:
            if layout is None:
                store = _make(place, size, counts)
            else:
                store = _convert(place, layout, size, say)
        except KeyboardInterrupt:
            say("what was fetched so far is kept; the same command continues")
            raise
        _report(place, store, options.clip_length, say)


def _check_same(place: Place, size: int, wanted: Mapping[str, object]) -> None:
    """A store that is there is the one that was asked for, or an error."""
    if not is_store(place.store):
        raise DataError(f"{place.store} exists and is no clip store; move it elsewhere")
    store = Store.open(place.store)
    asked = {"frame_shape": (place.data_set.channels, size, size), **wanted}
    there = {"frame_shape": store.frame_shape, **store.index.settings}
    for key, value in asked.items():
        if there.get(key) != value:
            raise DataError(
                f"{place.store} has {key} = {there.get(key)!r}, this command asks for {value!r}; "
                "move the store elsewhere, or choose another --root"
            )


def _prepare_digits(place: Place, say: Say) -> None:
    (part,) = place.data_set.parts
    missing = place.missing_digits()
    for remote in part.remotes:
        if remote.file in missing or (place.folder / remote.file).exists():
            path = fetch_one(remote, place.folder, watch=_bar)  # compares what is there
            known = "as expected" if remote.sha256 else "not known before"
            say(f"{remote.file}: SHA-256 {remote.sha256 or sha256_of(path)}, {known}")
    digits = load_digits(place.folder)
    counts = ", ".join(f"{split} {len(digits.images[split])}" for split in SPLITS)
    say(f"{place.folder}: {'is prepared already' if not missing else 'prepared'} ({counts} digits)")
    if _is_usual(place):
        say("use them with --data moving-mnist --data.digits mnist")
    else:
        say(f"use them with --data moving-mnist --data.digits {place.folder}")


def _make(place: Place, size: int, videos: Mapping[Split, int] | None) -> Store:
    from dlh.data.worlds.mazes.vizdoom_mazes import VIDEOS, make_vizdoom_mazes

    with ImportBar() as bar:
        return make_vizdoom_mazes(
            place.store, videos=videos or VIDEOS, size=size, progress=bar.show
        )


def _convert(place: Place, layout: Layout, size: int, say: Say) -> Store:
    data_set = place.data_set
    with claim(place.folder / "files", wait=True):  # two that want the same do it once
        archives = _gather(place, say)
    found = place.find()
    _check_there(place, layout, found)
    plan = Import(
        root=Path(os.path.abspath(place.folder)),
        found=found,
        target=Target(height=size, width=size, channels=data_set.channels),
        rule=layout,
        name=data_set.name,
        settings={"data_set": data_set.name, "archives": archives},
        opener=data_set.opener,
    )
    with claim(place.store, wait=True) as claimed, ImportBar() as bar:
        if place.store.exists():  # another process made it while we waited
            _check_same(place, size, layout.settings())
            return Store.open(place.store)
        return plan.build(claimed, bar.show)


def _gather(place: Place, say: Say) -> dict[str, str]:
    """Fetch and unpack what is missing; return the SHA-256 of all archives."""
    data_set, came = place.data_set, dict[str, str]()
    for part in missing_parts(data_set, place.find(), place.folder):
        came |= obtain(part, place.folder, watch=_bar)
    archives = {
        remote.file: came.get(remote.file) or sha256_of(place.folder / remote.file)
        for part in data_set.parts
        if part.archive
        for remote in part.remotes
        if (place.folder / remote.file).exists()
    }
    for file, sha256 in archives.items():
        say(f"{file}: SHA-256 {sha256}")
    for remote in data_set.also:
        if not any(place.folder.rglob(remote.file)):
            try:
                fetch_one(remote, place.folder, watch=_bar)
            except DataError as error:
                say(f"continuing without {remote.file}: {str(error).splitlines()[0]}")
    return archives


def _check_there(place: Place, layout: Layout, found: Found) -> None:
    """Without training and test files there is no data set."""
    data_set = place.data_set
    splits = {layout.split_of(source.name) for source in found.sources}
    lacking = [split for split in ("train", "test") if split not in splits]
    if lacking:
        how = data_set.by_hand or f"get them from {data_set.origin}"
        raise DataError(
            f"{place.folder} has no {' and no '.join(lacking)} files of {data_set.name}; expected "
            f"{layout.files}, at any depth: {how}"
        )


def _report(place: Place, store: Store, clip_length: int, say: Say) -> None:
    report = ImportReport.of(store)
    say(report.table(clip_length))
    long = ", ".join(
        f"{split} {sum(v.length >= LONG for v in of)} of {len(of)}"
        for split in SPLITS
        if (of := [video for video in store.videos if video.split == split])
    )
    say(f"videos of at least {LONG} frames (context 30, horizon 300): {long}")
    if "split" in store.index.settings:
        say(f"splits: {store.index.settings['split']}")
    for line in _completeness(place, store):
        say(line)
    say(f"written: {place.store}")
    name = place.data_set.name
    if _is_usual(place):
        say(f"train on it with --data {name}")
    else:
        say(
            f"train on it with --data {place.store}, or with DLH_DATA={place.root} and --data "
            f"{name}"
        )


def _completeness(place: Place, store: Store) -> list[str]:
    """Lines that compare the files in the store with those that were published."""
    there = {video.source.partition("#")[0] for video in store.videos}
    lines = []
    if place.data_set.name == KTH:
        lines += _missing(kth.expected(), there)
        lines.append(f"{kth.NEVER_MADE} was never published")
        (sequences,) = list(place.folder.rglob(kth.SEQUENCES))[:1] or [None]
        if sequences is not None:
            try:
                short = kth.too_short(store.videos, kth.read_sequences(sequences))
            except DataError as error:
                return [*lines, str(error)]
            lines.append(
                f"{len(short)} videos end before a frame that {kth.SEQUENCES} names"
                + (f": {_some(short)}" if short else "")
            )
    elif place.data_set.name == GQN_MAZES_TFRECORD:
        published = [
            f"{part.name}/{remote.file}" for part in place.data_set.parts for remote in part.remotes
        ]
        lines += _missing(published, there)
    return lines


def _missing(expected: list[str], there: set[str]) -> list[str]:
    missing = [name for name in expected if name not in there]
    said = f"{len(expected) - len(missing)} of {len(expected)} published files are in the store"
    return [said + (f"; missing: {_some(missing)}" if missing else "")]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _is_usual(place: Place) -> bool:
    return os.path.abspath(place.root) == os.path.abspath(data_root())


@contextmanager
def _bar(doing: str, what: str) -> Generator[Callable[[int, int | None], None]]:
    with tqdm(desc=f"{doing} {what}", unit="B", unit_scale=True, leave=False, disable=None) as bar:

        def tell(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tell
