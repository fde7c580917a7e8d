"""IDX files: read as written, or refused by what was found."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from data.refusals import refused
from dlh.data.worlds.idx import read_idx

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 4), dtype=np.uint8)


def idx(array, code=0x08):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_plain_and_gzipped_by_content_not_by_name(tmp_path, pack, name):
    path = tmp_path / name
    path.write_bytes(pack(idx(IMAGES)))
    for shape in [(5, 3, 4), (None, 3, 4), (None, None, None)]:
        np.testing.assert_array_equal(read_idx(path, shape=shape), IMAGES)
    path.write_bytes(pack(idx(IMAGES[:, 0, 0])))
    labels = read_idx(path, shape=(None,))
    np.testing.assert_array_equal(labels, IMAGES[:, 0, 0])
    assert labels.dtype == np.uint8


WHOLE = idx(IMAGES)


@pytest.mark.parametrize(
    "content, found",
    [
        (b"", "nothing"),
        (b"\x89PNG....", "89 50 4e 47"),
        (b"\0\0\x07\x03", "00 00 07 03"),
        (WHOLE[:10], "cut off"),
        (WHOLE[:-1], "only 59"),
        (WHOLE + b"x", "holds more"),
        (idx(IMAGES[:, :2]), "(5, 2, 4), expected (any, 3, 4)"),
        (idx(IMAGES[0]), "00 00 08 02"),
        (idx(IMAGES.astype(np.int32), 0x0C), "00 00 0c 03"),
        (b"\0\0\x08\x03\xff\xff\xff\xff\0\0\0\x03\0\0\0\x04", 2**32 - 1),
        (gzip.compress(WHOLE, mtime=0)[:-12], "damaged gzip"),
        (gzip.compress(WHOLE[:-1], mtime=0), "only 59"),
        (b"\x1f\x8bnonsense", "damaged gzip"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, found):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with refused(path, found):
        read_idx(path, shape=(None, 3, 4))


@pytest.mark.parametrize("name, found", [("gone", "No such file"), (".", "Is a directory")])
def test_a_path_without_a_file_is_refused(tmp_path, name, found):
    with refused(tmp_path / name, found):
        read_idx(tmp_path / name, shape=(None,))
