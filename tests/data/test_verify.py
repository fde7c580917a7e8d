"""A store that is no longer what was written: every kind of damage is found and named."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from data.refusals import refused
from data.small_store import build
from dlh.data.store.store import INDEX, Index
from dlh.data.store.verify import Damage, store_bytes, verify_store

FRAME = 4 * 6 * 3


@pytest.fixture
def path(tmp_path):
    """Three videos of 5, 7 and 9 frames, the first in a shard of its own, the others together."""
    build(tmp_path / "store", [5, 7, 9], shard_bytes=5 * FRAME + 1)
    index = json.loads((tmp_path / "store" / INDEX).read_text())
    assert index["shard_frames"] == [12, 9]
    return tmp_path / "store"


def change_byte(file, place):
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def change_index(path, change):
    index = json.loads((path / INDEX).read_text())
    change(index)
    (path / INDEX).write_text(json.dumps(index))


def test_a_whole_store_is_read_to_the_last_byte(path):
    told = []
    found = verify_store(path, progress=told.append)
    assert found.damage == () and (found.videos, found.compared, found.files) == (3, 3, 2)
    assert found.frames == 21 and found.bytes == 21 * FRAME == sum(told)
    assert store_bytes(Index.read(path)) == found.bytes


@pytest.mark.parametrize(
    "shard, place, source",
    [
        (0, 128, "0.mp4"),
        (0, 128 + 5 * FRAME - 1, "0.mp4"),
        (0, 128 + 5 * FRAME, "1.mp4"),
        (1, 128 + 9 * FRAME - 1, "2.mp4"),
    ],
)
def test_any_changed_byte_is_laid_to_its_video(path, shard, place, source):
    change_byte(path / f"frames-0000{shard}.npy", place)
    (damage,) = verify_store(path).damage
    assert damage.where == source and "CRC-32" in damage.what


def test_large_videos_are_read_in_pieces(path, monkeypatch):
    monkeypatch.setattr("dlh.data.store.verify._BLOCK_BYTES", 100)
    told = []
    assert verify_store(path, progress=told.append).damage == ()
    assert max(told) == 100 and sum(told) == 21 * FRAME


@pytest.mark.parametrize(
    "harm, what",
    [
        (lambda file: os.truncate(file, 128 + 9 * FRAME - 1), "775"),
        (lambda file: file.unlink(), "is missing"),
        (lambda file: file.write_bytes(file.read_bytes() + b"1234"), "4 bytes"),
        (lambda file: file.write_bytes(bytes(128 + 9 * FRAME)), "is damaged"),
        (lambda file: np.save(file, np.zeros((9, 6, 4, 3), np.uint8)), "(9, 6, 4, 3)"),
    ],
)
def test_a_damaged_file_does_not_hide_the_others(path, harm, what):
    harm(path / "frames-00001.npy")
    change_byte(path / "frames-00000.npy", 200)
    found = verify_store(path)
    assert [damage.where for damage in found.damage] == ["frames-00001.npy", "0.mp4"]
    assert what in found.damage[0].what
    assert "mport the videos" not in found.damage[0].what and str(path) not in str(found.damage)
    assert (found.videos, found.compared) == (3, 2)


def test_entries_that_contradict_each_other(path):
    change_index(path, lambda index: index["videos"][1].update(source="0.mp4", offset=4))
    damage = verify_store(path).damage
    assert damage[:2] == (
        Damage(where="0.mp4", what="is in the index twice"),
        Damage(where="0.mp4", what="shares frames with 0.mp4"),
    )


def test_a_disk_that_fails_is_a_damage_of_its_video(path, monkeypatch):
    def fails(path, video, size, progress):
        if video.source == "1.mp4":
            raise OSError(5, "Input/output error")
        return video.crc32

    monkeypatch.setattr("dlh.data.store.verify._stored_checksum", fails)
    assert verify_store(path).damage == (
        Damage(where="1.mp4", what="cannot be read: Input/output error"),
    )


def test_without_an_index_nothing_can_be_checked(path, tmp_path):
    (path / INDEX).write_text("{")
    for folder in (tmp_path, path):
        with refused(folder, code="no-store"):
            verify_store(folder)
