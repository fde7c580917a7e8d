"""A manifest: on exactly which clips a number was computed.

It holds no frames. It names files by their content, or a generator by its settings, so it is small,
can be kept beside the numbers, and finds the same clips again. On disk it is JSON with its own
SHA-256, so that a change is detected.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from dlh.data.clips import SPLITS, Clips, ClipSource, DataError, Split
from dlh.data.documents import read_document
from dlh.data.named.generated import GeneratedClip, GeneratedClips
from dlh.data.named.stored import Select, StoredClip, StoredClips
from dlh.data.sampling import check_held_out
from dlh.data.store.source import StoreSource
from dlh.data.store.store import Store
from dlh.data.worlds.by_name import World
from dlh.files.writing import os_errors_as, write_atomically
from dlh.settings import SettingsError, check_at_least, from_plain, to_plain

FORMAT = "dlh-manifest"
VERSION = 1
_MAKE = "make one with `dlh data manifest STORE`"


@dataclass(frozen=True, kw_only=True)
class _Heading:
    name: str
    split: Split
    context: int
    horizon: int


@dataclass(frozen=True, kw_only=True)
class Manifest(_Heading):
    """Clips for an evaluation; :func:`name_clips` makes one.

    Attributes:
        name: of the data set, for people.
        split: the split that all clips are of.
        context: frames of a clip that a model observes.
        horizon: frames after them, which it predicts.
        source: a store or a generator, and the clips that are named in it.
    """

    source: StoredClips | GeneratedClips

    def __post_init__(self) -> None:
        check_at_least(1, error=DataError, context=self.context, horizon=self.horizon)
        if isinstance(self.source, GeneratedClips):
            check_held_out(self.split)
        if not self.clips:
            raise DataError("a manifest holds at least one clip, found none")
        length = f"{self.clip_length} (context {self.context} + horizon {self.horizon})"
        for clip in self.clips:
            if clip.length != self.clip_length:
                raise DataError(f"the clips of this manifest have {length} frames, found {clip}")
        if len(set(map(str, self.clips))) < len(self.clips):
            raise DataError("a manifest names each clip once, found one twice")

    @property
    def clips(self) -> tuple[StoredClip, ...] | tuple[GeneratedClip, ...]:
        """In the order in which they are evaluated."""
        return self.source.clips

    @property
    def clip_length(self) -> int:
        """context + horizon, frames."""
        return self.context + self.horizon

    def digest(self) -> str:
        """SHA-256 of the canonical JSON: two equal digests mean the same clips."""
        return _digest(self._to_plain())

    def check(self, data: Store | ClipSource) -> None:
        """Raises :class:`DataError` where a store or generator does not have these clips."""
        self.source.check(self.split, data)

    def read(self, data: Store | ClipSource, numbers: Sequence[int] | None = None) -> Clips:
        """The frames of clips, and their true events where they are known.

        Args:
            data: the store, or a source of it; or the generator, which
                :meth:`GeneratedClips.build` makes.
            numbers: which clips, for reading a long manifest in parts; None for all.

        Raises:
            DataError: the data do not have the clips, or no clip was asked for.
        """
        chosen = range(len(self.clips)) if numbers is None else numbers
        if not chosen:
            raise DataError(f"no clip was asked for; the manifest names {len(self.clips)}")
        return self.source.read(self.split, data, chosen)

    def open(self, data: Store | ClipSource) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The clips one after the other, each verified: a changed frame is an error.

        Returns an iterator of (context, truth): uint8 (context frames, height, width, channel) and
        (horizon frames, height, width, channel). No more than one clip is held at a time.

        Raises:
            DataError: at once if the data do not have the clips; at a clip whose frames changed.
        """
        clips = self.source.verified(self.split, data)
        return ((clip[: self.context], clip[self.context :]) for clip in clips)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file, as a whole or not at all; an existing file is replaced.

        Raises:
            DataError: it cannot be written.
        """
        path, plain = Path(path), self._to_plain()
        about = {"format": FORMAT, "version": VERSION, "sha256": _digest(plain)}
        with os_errors_as(DataError, f"{path} cannot be written"):
            write_atomically(path, (json.dumps(about | plain, indent=1) + "\n").encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Manifest:
        """Reads what :meth:`save` wrote.

        Raises:
            DataError: there is no such file, it is something else, of a newer version, or changed
                since it was written.
        """
        path = Path(path)
        plain = _read(path)
        kind = GeneratedClips if "generator" in plain else StoredClips
        own = {field.name for field in fields(kind)}
        try:
            source = from_plain(kind, {key: plain[key] for key in plain if key in own})
            heading = from_plain(_Heading, {key: plain[key] for key in plain if key not in own})
            return cls(**vars(heading), source=source)
        except (SettingsError, DataError) as error:
            raise _no_manifest(path, str(error)) from None

    def _to_plain(self) -> dict:
        plain = to_plain(self, later=False)
        return plain | plain.pop("source")  # flat, as the first version of the file was


def name_clips(
    data: Store | ClipSource,
    *,
    context: int,
    horizon: int,
    count: int,
    split: Split = "test",
    select: Select = "spaced",
) -> Manifest:
    """Names up to ``count`` clips of a store or a generator; a store may have fewer.

    Args:
        data: a store, a source of one, or a generator (:data:`dlh.data.worlds.by_name.World`).
        context, horizon: frames to observe and to predict; a clip has both.
        split: of a generator a held-out one, whose first clips are named.
        select: of a store. "spaced": without overlap, evenly over all videos of the split and
            within each; "first": the first frames of each video that is long enough, in the order
            of the store.

    Raises:
        DataError: a number is not positive, the split has no clip of that length, training sees the
            split of a generator, or the clips of such data cannot be named.
    """
    check_at_least(1, error=DataError, context=context, horizon=horizon, clips=count)
    if split not in SPLITS:
        raise DataError(f"a split is one of {', '.join(SPLITS)}, found {split!r}")
    store = data.store if isinstance(data, StoreSource) else data
    source: StoredClips | GeneratedClips
    if isinstance(store, Store):
        name = store.index.name
        numbers = {"context": context, "horizon": horizon, "count": count}
        source = StoredClips.choose(store, split, **numbers, select=select)
    elif isinstance(store, World):
        name = store.name
        source = GeneratedClips.choose(store, split, length=context + horizon, count=count)
    else:
        raise DataError(f"clips of {store.name} cannot be named: it is no store and no generator")
    return Manifest(name=name, split=split, context=context, horizon=horizon, source=source)


def _digest(plain: object) -> str:
    """SHA-256 of the one text of these values: sorted names, no spaces, ASCII."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _read(path: Path) -> dict:
    """The values in a file, after its format, version and SHA-256 were checked."""
    plain = read_document(path, FORMAT, VERSION, code="no-manifest", hint=_MAKE)
    if "sha256" not in plain:
        raise _no_manifest(path, "it has no SHA-256 of its own")
    written, found = plain.pop("sha256"), _digest(plain)
    if found != written:
        raise DataError(
            f"{path} was changed after it was made: its SHA-256 is {found[:12]}..., it was "
            f"{str(written)[:12]}...; {_MAKE}",
            code="changed-manifest",
        )
    return plain


def _no_manifest(path: Path, reason: str) -> DataError:
    return DataError(f"{path} is not a manifest of clips: {reason}; {_MAKE}", code="no-manifest")
