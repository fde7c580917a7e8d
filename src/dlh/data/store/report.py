"""The report of an import: every file, and which were left out and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dlh.data.clips import SPLITS, Split
from dlh.data.store.splits import NAMES
from dlh.data.store.store import Index, Skipped, Store, StoredVideo
from dlh.files.text_table import text_table

_BARS = 8
_BAR_WIDTH = 30


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """The contents of a store, for people.

    Attributes:
        path: of the store.
        index: all it holds.
    """

    path: Path
    index: Index

    @classmethod
    def of(cls, store: Store) -> ImportReport:
        """The report of an existing store."""
        return cls(path=store.path, index=store.index)

    @property
    def videos(self) -> tuple[StoredVideo, ...]:
        return self.index.videos

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        return self.index.skipped

    def clips(self, clip_length: int) -> dict[Split, int]:
        """How many clips of that length without overlap each split gives."""
        return {
            split: sum(video.length // clip_length for video in self.videos if video.split == split)
            for split in SPLITS
        }

    def histogram(self) -> list[tuple[int, int, int]]:
        """Lengths as (from, to, number of videos), both ends included, in eight steps or fewer."""
        lengths = [video.length for video in self.videos]
        low, high = min(lengths), max(lengths)
        width = (high - low) // _BARS + 1
        bars = []
        for start in range(low, high + 1, width):
            inside = sum(start <= length < start + width for length in lengths)
            bars.append((start, min(start + width - 1, high), inside))
        return bars

    def table(self, clip_length: int = 100, *, most_rows: int = 40) -> str:
        """The whole report as text; long lists are shortened, with the number left out."""
        channels, height, width = self.index.frame_shape
        rows = [("file", "frames", "fps", "size", "split")]
        for video in self.videos[:most_rows]:
            size = f"{video.source_size[0]} x {video.source_size[1]}"
            rows.append((video.source, str(video.length), f"{video.fps:g}", size, video.split))
        lines = text_table(rows, align="<>>>")
        lines += _more(len(self.videos), most_rows)
        if self.index.settings.get("split_by") == NAMES:
            lines.append("splits are those that the names of folders and files say")
        noted = [f"  {video.source}: {note}" for video in self.videos for note in video.notes]
        skipped = [f"  {skipped.source} {skipped.reason}" for skipped in self.skipped]
        for title, listed in (("notes:", noted), (f"not used ({len(skipped)}):", skipped)):
            if listed:
                lines += ["", title, *listed[:most_rows], *_more(len(listed), most_rows)]
        if self.index.others:
            others = sorted(self.index.others.items())
            kinds = ", ".join(f"{count} {kind or 'without suffix'}" for kind, count in others)
            lines += ["", f"not videos: {kinds}"]
        lines += ["", "length (frames)   videos"]
        bars = self.histogram()
        most = max(count for _, _, count in bars)
        for low, high, count in bars:
            lines.append(
                f"{f'{low} - {high}':>15}   {count:>6}  {'#' * -(-count * _BAR_WIDTH // most)}"
            )
        frames = sum(video.length for video in self.videos)
        videos = f"{len(self.videos)} video{'s' if len(self.videos) > 1 else ''}"
        colours = "grey" if channels == 1 else "colour"
        megabytes = frames * channels * height * width / 2**20
        clips = ", ".join(f"{split} {count}" for split, count in self.clips(clip_length).items())
        lines += [
            "",
            f"{videos}, {frames} frames, stored as {height} x {width} {colours} "
            f"({megabytes:.1f} MB)",
            f"clips of {clip_length} frames: {clips}",
        ]
        empty = [split for split in SPLITS if all(video.split != split for video in self.videos)]
        if empty:
            lines.append(
                f"no file is left for: {', '.join(empty)} (whole files are split; there are "
                f"{len(self.videos)})"
            )
        return "\n".join(lines)


def _more(count: int, shown: int) -> list[str]:
    return [f"  ... and {count - shown} more"] if count > shown else []
