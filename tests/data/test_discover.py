"""Finding videos: whatever a folder holds."""

from __future__ import annotations

import importlib.util
import os

import pytest
from PIL import Image

from data.refusals import refused
from dlh.data.store.discover import find_sources


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def pictures(folder, count):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("L", (4, 4)).save(folder / f"{number}.png")


def found_names(path):
    return [source.name for source in find_sources(path).sources]


def test_all_kinds_below_a_folder_in_natural_order(tmp_path):
    in_order = ["9.MOV", "10.mp4", "č.avi", "b/x.webm", "b/a 2/y.gif", "b/a 10/z.mkv"]
    touch(*(tmp_path / name for name in sorted(in_order)))
    assert found_names(tmp_path) == in_order


def test_a_folder_of_pictures_is_one_video_unless_videos_lie_beside_them(tmp_path):
    pictures(tmp_path / "walk", 3)
    pictures(tmp_path / "alone", 1)
    pictures(tmp_path / "thumbnails", 2)
    touch(tmp_path / "thumbnails" / "a.mp4")
    found = find_sources(tmp_path)
    assert [source.name for source in found.sources] == ["thumbnails/a.mp4", "walk"]
    assert [file.name for file in found.sources[1].files] == ["0.png", "1.png", "2.png"]
    assert found.others == {".png": 3}
    assert found_names(tmp_path / "walk") == ["walk"]


def test_a_single_file_is_taken_whatever_its_suffix(tmp_path):
    touch(tmp_path / "clip.dat")
    assert found_names(tmp_path / "clip.dat") == ["clip.dat"]


def test_what_looks_like_a_video_and_is_none_is_listed(tmp_path):
    touch(tmp_path / "good.mp4", tmp_path / "._good.mp4", tmp_path / ".git" / "x.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere")
    found = find_sources(tmp_path)
    assert [source.name for source in found.sources] == ["good.mp4"]
    assert {skipped.source: skipped.reason for skipped in found.skipped} == {
        "._good.mp4": "is a hidden file",
        "gone.mp4": "is a link to nothing",
        "pipe.mp4": "is not a regular file",
    }


def test_links_are_followed_once(tmp_path):
    touch(tmp_path / "a" / "x.mp4", tmp_path / "elsewhere" / "y.mp4")
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "elsewhere")
    assert found_names(tmp_path / "a") == ["x.mp4", "again/y.mp4"]


def test_ten_thousand_other_files_are_counted_not_listed(tmp_path):
    for number in range(10_000):
        os.close(os.open(tmp_path / f"{number}.txt", os.O_CREAT))
    touch(tmp_path / "Makefile", tmp_path / "a.json")
    with refused(tmp_path, "10002 other files (10000 .txt, 1 without suffix, 1 .json)") as caught:
        find_sources(tmp_path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name, found", [("nowhere", "does not exist"), (".", "no files")])
def test_nothing_to_import_is_an_error(tmp_path, name, found):
    with refused(tmp_path / name, found):
        find_sources(tmp_path / name)


def test_a_stamp_changes_with_the_file(tmp_path):
    touch(tmp_path / "a.mp4")
    before = find_sources(tmp_path).sources[0].stamp()
    assert find_sources(tmp_path).sources[0].stamp() == before
    os.utime(tmp_path / "a.mp4", (1, 1))
    assert find_sources(tmp_path).sources[0].stamp() != before


def test_array_files_are_videos_and_clip_stores_are_not(tmp_path):
    touch(tmp_path / "a.npy", tmp_path / "b.NPZ", tmp_path / "c.h5", tmp_path / "d.hdf5")
    touch(tmp_path / "store" / "frames-00000.npy")
    (tmp_path / "store" / "index.json").write_text('{"format": "dlh-clips"}')
    found = find_sources(tmp_path)
    assert [source.name for source in found.sources] == ["a.npy", "b.NPZ", "c.h5", "d.hdf5"]
    assert [(skipped.source, skipped.reason) for skipped in found.skipped] == [
        ("store", "is a clip store; name it itself to use it")
    ]
    assert not found.others


def test_pictures_beside_an_array_are_still_a_video(tmp_path):
    pictures(tmp_path / "walk", 3)
    touch(tmp_path / "walk" / "labels.npy")
    assert found_names(tmp_path) == ["walk/labels.npy", "walk"]


def test_an_hdf5_file_is_another_one_once_it_can_be_read(tmp_path, monkeypatch):
    touch(tmp_path / "a.h5", tmp_path / "a.npy")
    before = [source.stamp() for source in find_sources(tmp_path).sources]
    there = importlib.util.find_spec("h5py") is not None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if there else object())
    after = [source.stamp() for source in find_sources(tmp_path).sources]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True]
