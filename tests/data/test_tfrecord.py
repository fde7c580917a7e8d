"""TFRecord files and the frames of the GQN mazes in them."""

from __future__ import annotations

import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tfrecords
from data.refusals import refused
from dlh.data.clips import DataError
from dlh.data.published.gqn_records import open_gqn_records
from dlh.data.published.tfrecord import bytes_feature, read_records
from dlh.data.video.resize import Target


def test_without_the_package_that_checks_records_it_is_named(tmp_path, monkeypatch):
    path = tfrecords.write_mazes(tmp_path / "1.tfrecord", [3])
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    with refused(path, "dlh[tfrecord]", code="missing-extra"):
        next(read_records(path))


def test_records_are_read_as_they_were_written(tmp_path):
    contents = [b"", b"a", b"b" * 5000]
    path = tmp_path / "x.tfrecord"
    path.write_bytes(b"".join(map(tfrecords.record, contents)))
    assert [record.data for record in read_records(path)] == contents
    assert all(record.intact for record in read_records(path))


def test_a_changed_byte_of_a_record_spoils_that_record_only(tmp_path):
    path = tmp_path / "x.tfrecord"
    content = bytearray(b"".join(map(tfrecords.record, [b"one", b"two", b"three"])))
    content[16 + 3 + 12] ^= 1  # the first byte of "two"
    path.write_bytes(content)
    assert [record.intact for record in read_records(path)] == [True, False, True]


def enormous():
    length = struct.pack("<Q", 2**40)
    return length + tfrecords.masked(length) + b"little"


@pytest.mark.parametrize(
    "spoil, found",
    [
        (lambda c: c[:-2], "after record 1"),
        (lambda c: c[:5], "first record"),
        (lambda c: b"bring milk and bread", "checksum"),
        (lambda c: c[:19] + b"\x07" + c[20:], "after record 1"),
        (lambda c: b"", "0 bytes"),
        (lambda c: enormous(), "1,099,511,627,776"),  # which takes no memory
    ],
)
def test_a_file_in_which_records_cannot_be_found_is_refused(tmp_path, spoil, found):
    path = tmp_path / "x.tfrecord"
    path.write_bytes(spoil(b"".join(map(tfrecords.record, [b"one", b"two"]))))
    with refused(path, found):
        list(read_records(path))


def test_the_feature_that_is_wanted_is_found_among_others():
    data = tfrecords.example([b"one", b"", b"three" * 100])
    assert bytes_feature(data, "frames") == [b"one", b"", b"three" * 100]
    with refused("'video'", "cameras, frames"):
        bytes_feature(data, "video")


@given(st.binary(max_size=200))
def test_bytes_that_are_no_example_are_an_error_of_ours(data):
    with pytest.raises(DataError):
        bytes_feature(data, "frames")


def test_mazes_are_decoded_and_resized(tmp_path):
    path = tfrecords.write_mazes(tmp_path / "1.tfrecord", [3, 5])
    streams = dict(open_gqn_records(path, Target(height=84, width=84, channels=3)))
    for maze, length in enumerate([3, 5]):
        frames = np.stack(list(streams[maze]))
        truth = tfrecords.walk(length, seed=maze)
        assert frames.shape == truth.shape and frames.dtype == np.uint8
        assert np.abs(frames.astype(int) - truth).mean() < 4  # JPEG is lossy
        assert streams[maze].source_size == (84, 84) and streams[maze].fps == 25
    assert len(streams[0].notes) == 1 and not streams[1].notes
    (first, _) = open_gqn_records(path, Target(height=16, width=16, channels=1))
    assert next(iter(first[1])).shape == (16, 16, 1)


def test_frames_of_two_sizes_or_that_are_no_pictures_are_refused(tmp_path):
    small, large = tfrecords.walk(1, seed=0, size=20)[0], tfrecords.walk(1, seed=0)[0]
    pictures = [[tfrecords.jpeg(large), tfrecords.jpeg(small)], [tfrecords.jpeg(large), b"no"], []]
    path = tmp_path / "x.tfrecord"
    path.write_bytes(b"".join(tfrecords.record(tfrecords.example(list(p))) for p in pictures))
    streams = open_gqn_records(path, Target(height=16, width=16, channels=3))
    for (_, stream), found in zip(streams, ["(20, 20)", "frame 1", "'frames'"], strict=True):
        with refused(path, found):
            list(stream)
