"""The description of a named data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dlh.data.fetch.remote import Remote
from dlh.data.published.layout import Layout
from dlh.data.store.importing import Opener
from dlh.data.video.decode import open_clips


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
