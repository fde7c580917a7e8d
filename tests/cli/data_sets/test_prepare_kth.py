"""``dlh data prepare`` on several archives: fetched, brought, cut off, interrupted."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlh.data.published import obtain as obtain_module
from dlh.data.published.kth import ACTIONS
from dlh.data.video.decode import read_video
from imports_watched import files_read
from published import prepared
from refusals import holds


def test_kth_is_fetched_unpacked_and_stored(dlh, server, served_kth):
    answer = dlh("data", "prepare", "kth", "--root", "root", "--size", 16, "--clip-length", 5)
    assert (answer.status, answer.err) == (0, "")
    store = prepared("kth")
    assert store.index.name == "kth" and store.frame_shape == (1, 16, 16)
    splits = {video.source: video.split for video in store.videos}
    assert len(splits) == 18
    assert splits["person01_boxing_d1_uncomp.avi"] == "train"
    assert splits["person19_boxing_d1_uncomp.avi"] == "validation"
    assert splits["person21_boxing_d1_uncomp.avi"] == "test"
    for video in store.videos[::5]:
        file = served_kth / video.source.split("_")[1] / video.source
        decoded, _ = read_video(file, height=16, width=16, channels=1)
        np.testing.assert_array_equal(store.frames(video), decoded)
        assert video.source_size == (160, 120) and video.fps == 25
    sha256 = hashlib.sha256(server.files["/kth/boxing.zip"]).hexdigest()
    assert f"boxing.zip: SHA-256 {sha256}\n" in answer.out
    assert store.index.settings["archives"]["boxing.zip"] == sha256
    assert store.index.settings["data_set"] == "kth"
    assert "persons 21-25 are the test" in store.index.settings["split"]
    assert "18 of 599 published files are in the store; missing: " in answer.out
    assert "person13_handclapping_d3_uncomp.avi was never published" in answer.out
    assert "0 videos end before a frame that 00sequences.txt names\n" in answer.out
    assert "at least 330 frames (context 30, horizon 300): train 0 of 6, val" in answer.out
    assert "non-commercial" in answer.out and "Schuldt" in answer.out
    assert answer.out.endswith(
        "train on it with --data root/kth/store, or with DLH_DATA=root and --data kth\n"
    )


def test_preparing_twice_does_nothing_and_says_so(dlh, server, served_kth):
    words = ["data", "prepare", "kth", "--root", "root", "--size", 16]
    assert dlh(*words).status == 0
    before = (prepared("kth").digest(), len(server.asked))
    again = dlh(*words)
    assert again.status == 0 and "is prepared already" in again.out
    assert (prepared("kth").digest(), len(server.asked)) == before
    other = dlh("data", "prepare", "kth", "--root", "root", "--size", 32)
    assert other.status == 1
    assert holds(other.line, "frame_shape", "(1, 16, 16)", "(1, 32, 32)")
    other = dlh(*words, "--no-validation")
    assert other.status == 1 and "split = 'persons 21-25" in other.line
    assert prepared("kth").digest() == before[0]


def test_unpacked_files_of_ones_own_are_taken_and_nothing_is_fetched(dlh, server, kth_files):
    shutil.copytree(kth_files, "root/kth/my unpacked")
    answer = dlh("data", "prepare", "kth", "--root", "root", "--size", 16)
    assert answer.status == 0 and not server.asked
    assert len(prepared("kth").videos) == 18 and "0 videos end before" in answer.out
    assert Path("root/kth/my unpacked/boxing").exists()


def test_packed_files_of_ones_own_are_taken_and_only_the_rest_is_fetched(dlh, server, served_kth):
    Path("root/kth").mkdir(parents=True)
    for action in ACTIONS[:4]:
        content = server.files.pop(f"/kth/{action}.zip")
        Path(f"root/kth/{action}.zip").write_bytes(content)
    shutil.copytree(served_kth / "running", "root/kth/running")
    assert dlh("data", "prepare", "kth", "--root", "root", "--size", 16).status == 0
    assert [path for path, _ in server.asked] == ["/kth/walking.zip", "/kth/00sequences.txt"]
    assert len(prepared("kth").videos) == 18


def test_it_does_not_matter_to_the_store_how_the_files_came(dlh, served_kth):
    shutil.copytree(served_kth, "by hand/kth/deep/down")
    digests = set()
    for root in ("by hand", "fetched"):
        assert dlh("data", "prepare", "kth", "--root", root, "--size", 16).status == 0
        digests.add(prepared("kth", root).digest())
    assert len(digests) == 1


def test_what_is_missing_is_named_and_what_came_is_kept(dlh, server, served_kth):
    walking = server.files.pop("/kth/walking.zip")
    server.files["/kth/00sequences.txt"] = b"<html>moved</html>"
    words = ["data", "prepare", "kth", "--root", "root", "--size", 16]
    answer = dlh(*words)
    assert answer.status == 1 and "walking.zip could not be downloaded" in answer.line
    assert f"put it into root{'/'}kth by hand" in answer.line and "answers 404" in answer.line
    assert not Path("root/kth/store").exists()
    state = dlh("data", "list", "--root", "root").out
    assert re.search(r"^kth +15 files found, not prepared", state, re.M)
    server.asked.clear()
    server.files["/kth/walking.zip"] = walking
    answer = dlh(*words)
    assert answer.status == 0 and len(prepared("kth").videos) == 18
    assert [path for path, _ in server.asked] == ["/kth/walking.zip", "/kth/00sequences.txt"]
    assert "continuing without 00sequences.txt" in answer.out


def test_an_import_that_was_interrupted_goes_on_and_fetches_nothing(
    dlh, server, served_kth, monkeypatch
):
    words = ["data", "prepare", "kth", "--root", "root", "--size", 16]
    with monkeypatch.context() as patch:
        begun = files_read(patch, stop=lambda names: len(set(names)) == 8)
        stopped = dlh(*words)
    assert stopped.status == 130 and "the same command continues" in stopped.out
    assert re.search(r"^kth +interrupted", dlh("data", "list", "--root", "root").out, re.M)
    server.asked.clear()
    first, read = set(begun[:-1]), files_read(monkeypatch)
    assert dlh(*words).status == 0 and not server.asked
    assert len(set(read)) == 11 and len(prepared("kth").videos) == 18
    assert not first & set(read) or len(first & set(read)) == 1  # the one that was begun


def test_an_unpacking_that_was_interrupted_is_not_taken_for_whole(
    dlh, server, served_kth, monkeypatch
):
    words = ["data", "prepare", "kth", "--root", "root", "--size", 16]
    extract = obtain_module.extract

    def cut_off(archive, folder, **options):
        extract(archive, folder, **options)
        if archive.name == "handwaving.zip":
            next(path for path in folder.rglob("*.avi")).unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(obtain_module, "extract", cut_off)
        assert dlh(*words).status == 130
    assert dlh(*words).status == 0
    assert len(prepared("kth").videos) == 18


@pytest.mark.slow
def test_two_that_prepare_the_same_at_once_do_it_once(kth_files):
    shutil.copytree(kth_files, "root/kth")
    words = ["data", "prepare", "kth", "--root", "root", "--size", "16"]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "dlh", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert "written: root/kth/store" in out or "is prepared already" in out
    assert len(prepared("kth").videos) == 18
    assert sorted(p.name for p in Path("root/kth").iterdir() if p.name[0] == ".") == []
