"""What is to be known of a data set that has a name."""

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
        gives: beginnings or other pieces of names (in the store); where a file of each is there
            already, somebody brought the part by hand, and nothing is fetched.
    """

    name: str
    remotes: tuple[Remote, ...]
    archive: bool
    gives: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set that can be asked for by its name.

    Attributes:
        name: what one types.
        what: in a line.
        kind: "generated" needs nothing; "digits" are files that a generator reads; "videos" are
            published files that become a store; "made" is a store that is made here.
        size: of what is fetched or made, as far as it is known.
        licence: as its authors state it.
        origin: where it comes from.
        citation: what to cite.
        channels: of its frames, 1 or 3.
        parts: what is fetched.
        also: files that are fetched too and that it can do without.
        layout: of the published files.
        opener: reads one of them.
        by_hand: how to get the files where they cannot be fetched.
        package, extra: what has to be installed, and by which extra of this package.
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
