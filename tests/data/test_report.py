"""What an import says about itself."""

from __future__ import annotations

import itertools
from pathlib import Path

from dlh.data.store.report import ImportReport
from dlh.data.store.store import Index, Skipped, StoredVideo


def report(lengths, splits=None, **options):
    common = {"shard": 0, "offset": 0, "fps": 29.97, "sha256": "", "crc32": ""}
    videos = tuple(
        StoredVideo(
            source=f"{number:03}.mp4",
            split=(splits or {}).get(number, "train"),
            length=length,
            source_size=(640, 480),
            **common,
        )
        for number, length in enumerate(lengths)
    )
    index = Index(
        name="test",
        frame_shape=(3, 64, 64),
        shard_frames=(),
        videos=videos,
        **options,
    )
    return ImportReport(path=Path("store"), index=index)


def test_the_histogram_holds_every_video():
    bars = report([100, 101, 250, 899, 900]).histogram()
    assert len(bars) <= 8 and sum(count for _, _, count in bars) == 5
    assert (bars[0][0], bars[-1][1]) == (100, 900) and bars[0][2] == 2 and bars[-1][2] == 2
    assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(bars))
    assert report([7]).histogram() == [(7, 7, 1)]


def test_clips_are_counted_without_overlap():
    made = report([250, 99, 100, 399], {2: "validation", 3: "test"})
    assert made.clips(100) == {"train": 2, "validation": 1, "test": 3}
    assert "clips of 100 frames: train 2, validation 1, test 3" in made.table()
    assert "4 videos, 848 frames, stored as 64 x 64 colour (9.9 MB)" in made.table()


def test_an_empty_split_is_said():
    text = report([50, 60]).table()
    assert "no file is left for: validation, test (whole files are split; there are 2)" in text
    assert "no file is left" not in report([5] * 3, {1: "validation", 2: "test"}).table()


def test_long_lists_are_cut_and_say_so():
    skipped = tuple(Skipped(source=f"s{n}", reason="is bad") for n in range(100))
    text = report([10] * 500, skipped=skipped).table()
    assert "... and 460 more" in text and "not used (100):" in text and "... and 60 more" in text
    assert len(text.split("\n")) < 110
