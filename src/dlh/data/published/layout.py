"""The layout of a published data set: the names of its files, and the split of each."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dlh.data.clips import Split
from dlh.data.store.discover import Found, Search
from dlh.data.video.images import natural_order


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
