"""The description of a named data set: its files, their layout, and the split of each."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from dlh.data.clips import Split
from dlh.data.fetch.remote import Remote
from dlh.data.store.discover import Found, Search
from dlh.data.store.importing import Opener
from dlh.data.video.decode import open_clips
from dlh.data.video.images import natural_order


@dataclass(frozen=True, kw_only=True)
class Part:
    """Files that come together, and below the data set's folder get one of their own.

    Attributes:
        name: of that folder.
        remotes: where they come from.
        archive: whether what comes is to be unpacked.
        gives: pieces of names in the store. If the folder has a file for each, the part was put
            there by hand and nothing is fetched.
    """

    name: str
    remotes: tuple[Remote, ...]
    archive: bool
    gives: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The names of a data set's files, in whatever folder they were unpacked; also its splits.

    Attributes:
        pattern: of a path below the data set's folder. Its group ``name`` is what the file is
            called in a store, the same for everyone; its group ``part`` decides the split.
        files: such names in words, for messages.
        parts: the split of each part.
        held_back: of the files for training, one in so many is for validation (chosen by the
            CRC-32 of its name, so that it does not depend on which others are there); 0: none.
        rule: the splits in words, as a store records them.
    """

    pattern: str
    files: str
    parts: Mapping[str, Split]
    held_back: int = 0
    rule: str

    def settings(self) -> Mapping[str, object]:
        return {"split": self.rule}

    def give(self, files: Sequence[str]) -> Mapping[str, Split]:
        return {name: self.split_of(name) for name in files}

    def split_of(self, name: str) -> Split:
        """The split of a file, by its name in the store."""
        match = re.fullmatch(self.pattern, name)
        assert match is not None, name
        split = self.parts[match["part"]]
        if split == "train" and self.held_back and zlib.crc32(name.encode()) % self.held_back == 0:
            return "validation"
        return split

    def without_validation(self) -> Layout:
        """The same, with all that is not for the test used for training."""
        return replace(
            self,
            parts={
                part: "test" if split == "test" else "train" for part, split in self.parts.items()
            },
            held_back=0,
            rule=f"{self.rule}; but what would be for validation is for training",
        )

    def find(self, folder: Path) -> Found:
        """The files of the data set in a folder and those below it; none where there is no folder.

        Where a name occurs twice the first one counts, and the other is listed.
        """
        # Never the name of a file that is used: a skipped name is not looked at again.
        search = Search(folder, prefix=f"{folder.name}/")
        for here, names in search.folders():
            for name in names:
                match = re.fullmatch(self.pattern, search.name_of(here / name))
                if match is None or match["part"] not in self.parts:
                    search.others[Path(name).suffix.lower()] += 1
                else:
                    search.take(here / name, name=match["name"])
        return search.found(
            search.sources[name] for name in sorted(search.sources, key=natural_order)
        )


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set that can be requested by name.

    Attributes:
        name: as a user types it.
        what: a description in one line.
        kind: "generated" needs nothing; "digits" are files that a generator reads; "videos" are
            published files that become a store; "made" is a store that is made here.
        size: of the download, or of the store that is made, if known.
        licence: as its authors state it.
        origin: where it comes from.
        citation: what to cite.
        channels: of its frames, 1 or 3.
        parts: the files to fetch.
        also: optional files that are fetched too.
        layout: of the published files.
        opener: reads one of them.
        by_hand: how to get the files where they cannot be fetched.
        package, extra: the package that is needed, and the extra of dlh that installs it.
    """

    name: str
    what: str
    kind: Literal["generated", "digits", "videos", "made"]
    size: str
    licence: str
    origin: str
    citation: str
    channels: int
    parts: tuple[Part, ...] = ()
    also: tuple[Remote, ...] = ()
    layout: Layout | None = None
    opener: Opener = open_clips
    by_hand: str | None = None
    package: str | None = None
    extra: str | None = None
