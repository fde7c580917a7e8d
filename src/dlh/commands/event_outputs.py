"""Which videos a request for events means, and which files it writes: all known before the work."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dlh.commands.options import EventsOptions
from dlh.data.store.discover import SourceFile, find_sources
from dlh.errors import UsageError
from dlh.event_files.formats import FORMATS
from dlh.files.writing import (
    Say,
    check_new,
    check_not_among,
    check_with_picture,
    check_writable,
    make_folder,
)
from dlh.reports.render import plural

OVERVIEW_JSON, OVERVIEW_CSV = "overview.json", "overview.csv"


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The files of one video, which all begin with the name of the first.

    Attributes:
        document: NAME.json.
        options: which of the others are asked for.
    """

    document: Path
    options: EventsOptions

    def beside(self, ending: str) -> Path:
        """NAME with another ending: ``.csv``, ``-clips``."""
        return self.document.with_name(self.document.stem + ending)

    @property
    def picture(self) -> Path:
        """NAME.png."""
        return self.beside(".png")

    @property
    def page(self) -> Path:
        """NAME.html."""
        return self.beside(".html")

    @property
    def film(self) -> Path:
        """NAME.film, without its ending: beside the page of a long video."""
        return self.beside("-film")

    @property
    def clips(self) -> Path:
        """The folder of the clips."""
        return self.beside("-clips")

    @property
    def images(self) -> Path:
        """The folder of the frames before and after."""
        return self.beside("-images")

    def all(self) -> Iterator[Path]:
        """Every file and folder that may be written."""
        yield from (self.document, self.picture)
        yield from (self.beside(FORMATS[name].suffix) for name in self.options.write)
        if self.options.page:
            yield self.page
            yield from sorted(self.film.parent.glob(f"{glob_safe(self.film.name)}.*"))
        if self.options.split:
            yield self.clips
        if self.options.images:
            yield self.images


@dataclass(frozen=True, kw_only=True)
class Request:
    """A video, and where its events go.

    Attributes:
        name: for people and in the outputs: as it was given, or its place in the folder.
        path: the file, or a folder of pictures.
        given: the name as it is, even where it is not UTF-8.
        outputs: its files.
    """

    name: str
    path: Path
    given: str
    outputs: Outputs


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All videos of a request, in order.

    Attributes:
        requests: one for each video.
        folder: of all outputs; None of a single video.
    """

    requests: tuple[Request, ...]
    folder: Path | None


def plan_outputs(options: EventsOptions, *, say: Say) -> Plan:
    """Find the videos, make the folders, and refuse what would fail or overwrite after the work.

    Raises:
        UsageError: an output has a wrong name, exists (code "output-exists"), is a video or would
            lie among the videos.
        DataError: there is no video at a path.
        OutputError: nothing can be written there.
    """
    sources = [source for path in options.videos for source in _sources(path, say)]
    single = len(sources) == 1 and sources[0].path == options.videos[0]
    if single:
        document = options.out or Path("events.json")
        outputs = Outputs(document=document, options=options)
        check_with_picture(document, ".json")
        check_not_among(options.videos, *outputs.all())
        check_new(outputs.all(), overwrite=options.overwrite)
        path = sources[0].path
        request = Request(name=printable(path), path=path, given=str(path), outputs=outputs)
        return Plan(requests=(request,), folder=None)
    folder = options.out or Path("events")
    if folder.suffix.lower() == ".json" or folder.is_file():
        raise UsageError(
            f"the events of {plural(len(sources), 'video')} go into a folder, found --out "
            f"{folder}; name a folder"
        )
    check_not_among(options.videos, folder)
    requests = [
        Request(
            name=printable(Path(source.name)),
            path=source.path,
            given=source.name,
            outputs=Outputs(document=folder / f"{stem}.json", options=options),
        )
        for source, stem in zip(sources, _stems(sources), strict=True)
    ]
    written = [path for request in requests for path in request.outputs.all()]
    check_not_among(options.videos, *written)
    check_new(
        [folder / OVERVIEW_JSON, folder / OVERVIEW_CSV, *written], overwrite=options.overwrite
    )
    make_folder(folder)
    for request in requests:
        check_writable(request.outputs.document, ".json")
    return Plan(requests=tuple(requests), folder=folder)


def printable(path: Path) -> str:
    """A path as text that every file can hold; a name that is not UTF-8 gets replacement signs."""
    return os.fsencode(path).decode("utf-8", "replace")


def glob_safe(name: str) -> str:
    """A name in which no character is a pattern."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _sources(path: Path, say: Say) -> list[SourceFile]:
    found = find_sources(path)
    for skipped in found.skipped:
        say(f"left out: {skipped.source} {skipped.reason}")
    return list(found.sources)


def _stems(sources: list[SourceFile]) -> list[str]:
    """Names of outputs, one for each video: without the ending where that is enough.

    Raises:
        UsageError: two videos have one name.
    """
    bare = [str(Path(source.name).with_suffix("")) for source in sources]
    counts = Counter(bare)
    stems = [
        stem if counts[stem] == 1 else source.name
        for stem, source in zip(bare, sources, strict=True)
    ]
    for stem, count in Counter([*stems, "overview"]).items():
        if count > 1:
            paths = [
                source.path for source, each in zip(sources, stems, strict=True) if each == stem
            ]
            raise UsageError(
                f"two outputs would be named {stem}: of {', '.join(map(str, paths))}; give these "
                "videos in several calls, or rename one"
            )
    return stems
