"""Clips that are named: written down for an evaluation, and found again from what was written."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from dlh.commands.data_options import VerifyOptions
from dlh.commands.data_store import check_outside_stores, open_store
from dlh.commands.data_store import verify as verify_store
from dlh.commands.manifest_options import ManifestOptions
from dlh.data.clips import ClipSource
from dlh.data.named.manifest import Manifest, name_clips
from dlh.data.named.stored import StoredClips
from dlh.data.published.catalogue import CATALOGUE, MOVING_MNIST
from dlh.data.store.source import StoreSource
from dlh.data.worlds.by_name import WORLDS, make_world
from dlh.errors import UsageError
from dlh.files.writing import Say, check_writable
from dlh.runs.data_names import load_named_digits, name_or_path


def write_manifest(options: ManifestOptions, *, say: Say = print) -> Manifest:
    """Name clips of a store, or of a generator, for an evaluation, and write them down.

    ``say`` takes a line for each thing found or done.

    Raises:
        UsageError: the name of the output is invalid, it would lie in a store, or an option is of
            another data set.
        DataError: there is no store, or no clip of that length in the split.
        OutputError: the manifest cannot be written.
    """
    store, clips, split, out = str(options.store), options.clips, options.split, options.out
    context, horizon, select = options.context, options.horizon, options.select
    owners = {field: name for name, (field, _) in WORLDS.items()} | {"digits": MOVING_MNIST}
    usual = ManifestOptions(store=options.store)
    for option, owner in owners.items():
        if getattr(options, option) != getattr(usual, option) and store != owner:
            raise UsageError(f"--{option} is for {owner}, found {store}")
    numbers = {"context": context, "horizon": horizon, "count": clips, "split": split}
    check_outside_stores(out)
    if store in WORLDS:
        name_or_path(store)  # refuses what is also a folder here
        if split == "train":
            raise UsageError(
                "generated training clips depend on the seed of a run: name clips of the "
                "validation or the test split"
            )
        source = make_world(
            store, options, lambda: load_named_digits(options.digits, option="--digits")
        )
        check_writable(out, ".json")
        manifest = name_clips(source, **numbers, select=select)
        of = f"{manifest.name}, generated"
    else:
        opened = open_store(options.store)
        manifest = name_clips(opened, **numbers, select=select)
        check_writable(out, ".json")
        assert isinstance(manifest.source, StoredClips)
        videos = len({clip.source for clip in manifest.source.clips})
        there = sum(video.split == split for video in opened.videos)
        of = f"({select}), from {videos} of {there} {split} videos of {manifest.name}"
    manifest.save(out)
    if (found := len(manifest.clips)) < clips:
        say(f"{clips} clips were asked for, {found} exist: the manifest names these {found}")
    of = of if of.startswith("(") else f"of {of}"
    say(f"{found} {split} clips of {context} + {horizon} frames {of}")
    say(f"written: {out} (SHA-256 {manifest.digest()})")
    return manifest


def open_manifest(path: Path, *, data: str | None = None) -> tuple[Manifest, ClipSource]:
    """A manifest, and the source of the clips that it names, which was checked: ``open`` of the one
    with the other gives the clips.

    Args:
        data: the store of the videos, or the name of a data set; of "moving-mnist" the digits, as
            ``--data.digits`` names them. None takes what the manifest says, where it has a name.

    Raises:
        UsageError: the data has to be named, or is not prepared.
        DataError: the manifest or the data cannot be used, or do not fit.
    """
    manifest = Manifest.load(path)
    source = manifest.source
    if isinstance(source, StoredClips):
        if data is None and manifest.name not in CATALOGUE:
            raise UsageError(
                f"{path} names clips of a store of {manifest.name}; give this store with --data "
                "STORE"
            )
        store = open_store(Path(manifest.name if data is None else data))
        manifest.check(store)
        return manifest, StoreSource(store)
    if source.mnist is None:
        if data not in (None, source.generator):
            raise UsageError(f"{path} names clips of {source.generator}, found --data {data}")
        return manifest, source.build()
    named = source.digits if data in (None, MOVING_MNIST) else data
    return manifest, source.build(load_named_digits(str(named), option="--data"))


def verify(options: VerifyOptions, *, say: Say = print) -> None:
    """Read a whole store, or every clip of a manifest (.json), and compare it with what was
    written. ``say`` takes a line for each thing found or done.

    Raises:
        UsageError, DataError: see :func:`open_manifest`; something is another than it was.
    """
    store = options.store
    if store.suffix.lower() == ".json":
        _verify_manifest(store, options.data, say)
    elif options.data is not None:
        raise UsageError(f"--data is for a manifest (.json), found {store}")
    else:
        verify_store(store=store, say=say)


def _verify_manifest(path: Path, data: str | None, say: Say) -> None:
    manifest, source = open_manifest(path, data=data)
    clips = tqdm(manifest.open(source), total=len(manifest.clips), leave=False, disable=None)
    found = sum(1 for _ in clips)
    say(
        f"{found} {manifest.split} clips of {manifest.context} + {manifest.horizon} frames of "
        f"{manifest.name} are those that {path} names (SHA-256 {manifest.digest()})"
    )
    if isinstance(manifest.source, StoredClips) and isinstance(source, StoreSource):
        here, there = source.store.digest(), manifest.source.store_sha256
        say(
            "the frames are those that the manifest was made from"
            if here == there
            else f"their files are the same, but the store (digest {here[:12]}...) is not the one "
            f"that the manifest was made from ({there[:12]}...), so frames may differ in size or "
            "in the decoder's rounding"
        )
