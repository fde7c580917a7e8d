"""A person's own videos, from files to clips."""

from __future__ import annotations

import hashlib
import os
import shutil

import numpy as np
import pytest

import dlh.data.video.decode as decode_module
from data.refusals import refused
from data.small_store import UNPRIVILEGED, child, let_others_in, names, output
from dlh.data.store.folder import import_folder, open_data
from dlh.data.store.store import Store
from dlh.data.store.verify import verify_store
from dlh.data.video.decode import read_video
from dlh.files.writing import cache_folder

SIZE = {"height": 8, "width": 12, "channels": 3}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DLH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_store_holds_what_its_files_decode_to(tmp_path, folder):
    report = import_folder(folder, tmp_path / "store", **SIZE)
    store = Store.open(tmp_path / "store")
    assert [video.source for video in store.videos] == sorted(names(folder))
    for video in store.videos:
        decoded, fps = read_video(folder / video.source, **SIZE)
        np.testing.assert_array_equal(store.frames(video), decoded)
        assert (video.fps, video.source_size) == (fps, (24, 16))
        assert video.sha256 == hashlib.sha256((folder / video.source).read_bytes()).hexdigest()
    assert report.videos == store.videos and report.path == tmp_path / "store"
    assert store.index.name == "my videos"
    assert store.index.settings["made_from"] == str(folder)
    assert names(tmp_path) == ["my videos", "store"]


def test_every_file_is_stored_or_listed_with_its_reason(tmp_path, folder, videos):
    (folder / "empty.mp4").touch()
    (folder / "notes.mp4").write_text("bring milk")
    (folder / "readme.txt").write_text("hello")
    shutil.copy(folder / "clip 1.avi", folder / "copy.avi")
    videos.encode_audio(folder / "sound.mov")
    videos.encode(folder / "one.gif", videos.ramp(frames=1))
    cut = videos.encode(folder / "cut.avi", videos.texture(seed=9), options={"g": "1"})
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    report = import_folder(folder, tmp_path / "store", **SIZE)
    found = {
        **{"copy.avi": "clip 1.avi", "empty.mp4": "0 bytes", "notes.mp4": ".3gp"},
        **{"one.gif": "one frame", "sound.mov": "audio"},
    }
    assert [skipped.source for skipped in report.skipped] == list(found)
    for skipped in report.skipped:
        assert found[skipped.source] in skipped.reason and str(folder) not in skipped.reason
    assert report.index.others == {".txt": 1}
    (cut,) = (video for video in report.videos if video.source == "cut.avi")
    assert 5 < cut.length < 25 and cut.notes[0].startswith(f"damaged at frame {cut.length}")
    text = report.table()
    for part in (
        "clip 0.mp4",
        "24 x 16",
        "damaged at frame",
        "(5)",
        "empty.mp4 is empty",
        "1 .txt",
    ):
        assert part in text


def test_progress_names_every_file(tmp_path, folder):
    told = []
    import_folder(folder, tmp_path / "s", **SIZE, progress=told.append)
    assert [progress.source for progress in told if progress.frames == 0] == names(folder)
    assert {progress.files for progress in told} == {5}
    assert [p.files_done for p in told] == sorted(p.files_done for p in told)
    assert (told[-1].frames, told[-1].expected_frames) == (60, 60)


def test_nothing_usable_is_an_error_that_lists_why(tmp_path):
    source = tmp_path / "bad"
    source.mkdir()
    (source / "a.mp4").touch()
    (source / "b.mp4").write_text("milk")
    with refused(source, ": a.mp4 is empty", "; b.mp4 is not a video"):
        import_folder(source, tmp_path / "s", **SIZE)
    assert names(tmp_path) == ["bad"]


def test_a_folder_is_decoded_once_and_then_found_in_the_cache(folder, cache, monkeypatch):
    source = open_data(folder, frame_shape=(3, 8, 12), clip_length=20)
    assert source.batch(0, batch_size=4, clip_length=20, seed=0).video.shape == (4, 20, 8, 12, 3)
    assert source.name == "my videos" and len(names(cache)) == 1
    monkeypatch.setattr(decode_module, "open_frames", lambda *_: pytest.fail("decoded again"))
    again = open_data(folder, frame_shape=(3, 8, 12), clip_length=20)
    assert again.store.path == source.store.path


def test_whatever_changes_the_frames_is_decoded_again(folder, cache):
    (folder / "clip 4.mov").unlink()
    options = {"frame_shape": (3, 8, 12), "clip_length": 5}
    changes = (
        {},
        {"frame_shape": (1, 8, 12)},
        {"fps": 10.0},
        {"seed": 1},
        {"split": (0.6, 0.2, 0.2)},
    )
    for change in changes:
        open_data(folder, **(options | change))
    assert len(names(cache)) == len(changes)
    os.utime(folder / "clip 1.avi", (1, 1))
    open_data(folder, **options)
    assert len(names(cache)) == len(changes) + 1


def test_a_damaged_cache_is_made_again(folder, cache):
    options = {"frame_shape": (3, 8, 12), "clip_length": 5}
    path = open_data(folder, **options).store.path
    os.truncate(path / "frames-00000.npy", 1000)
    source = open_data(folder, **options)
    assert source.store.path == path and not verify_store(path).damage
    assert len(names(cache)) == 1


def test_a_single_file_is_all_for_training(folder):
    source = open_data(folder / "clip 4.mov", frame_shape=(3, 8, 12), clip_length=50)
    (video,) = source.store.videos
    assert (video.source, video.split) == ("clip 4.mov", "train")
    assert source.held_out("validation", count=1, clip_length=5) is None


def test_a_store_is_opened_as_it_is(tmp_path, folder, cache):
    import_folder(folder, tmp_path / "store", **SIZE)
    source = open_data(tmp_path / "store", frame_shape=(3, 8, 12), clip_length=20)
    assert source.store.path == tmp_path / "store" and not cache.exists()
    with refused("(3, 8, 12)", "(1, 8, 12)"):
        open_data(tmp_path / "store", frame_shape=(1, 8, 12), clip_length=20)


def test_no_clip_of_the_length_says_how_long_the_files_are(folder):
    with refused(61, "clip "):
        open_data(folder, frame_shape=(3, 8, 12), clip_length=61)


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("DLH_CACHE", "/a")
    assert str(cache_folder()) == "/a"
    monkeypatch.delenv("DLH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert str(cache_folder()) == "/b/dlh"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/c")
    assert str(cache_folder()) == "/c/.cache/dlh"


OPEN = """
from dlh.data.store.folder import open_data
try:
    print(open_data(sys.argv[1], frame_shape=(3, 8, 12), clip_length=5).store.path)
except DataError as error:
    print(error)
"""


def test_two_processes_that_want_the_same_decode_it_once(folder, cache):
    processes = [child(OPEN, folder) for _ in range(2)]
    outputs = [process.communicate() for process in processes]
    assert outputs[0] == outputs[1]
    assert outputs[0][0].strip() == str(cache / names(cache)[0]) and len(names(cache)) == 1


def test_a_cache_that_may_not_be_written_says_what_to_set(tmp_path, folder, cache):
    cache.mkdir()
    cache.chmod(0o555)
    let_others_in(tmp_path)
    importing = (
        "from dlh.data.store.folder import open_data\n"  # others may not read Python's files
    )
    out = output(importing + UNPRIVILEGED + OPEN, folder)
    assert str(cache) in out and "Permission denied" in out and "DLH_CACHE" in out
    assert out.count("\n") == 1 and names(cache) == []


def test_files_that_may_not_be_read_are_listed(tmp_path, folder):
    (folder / "clip 0.mp4").chmod(0)
    (folder / "private").mkdir(mode=0)
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o777)
    let_others_in(tmp_path)
    # As oneself first: what Python imports late may lie where the other user may not look.
    code = f"""
from dlh.data.store.folder import import_folder
size = {{"height": 8, "width": 8, "channels": 1}}
import_folder(sys.argv[1] + "/clip 1.avi", sys.argv[2] + "/warm", **size)
{UNPRIVILEGED}
print(import_folder(sys.argv[1], sys.argv[2] + "/store", **size).table())
"""
    table = output(code, folder, out)
    assert "clip 0.mp4 cannot be read: Permission denied" in table
    assert "private cannot be read: Permission denied" in table
    assert "4 videos," in table
