"""IDX files: read as written, or refused by what was found."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from dlh.data.clips import DataError
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
    "content, message",
    [
        (b"", "is not an IDX file: it begins with nothing"),
        (b"\x89PNG....", "it begins with 89 50 4e 47, such a file with 00 00"),
        (b"\0\0\x07\x03", "it begins with 00 00 07 03"),
        (WHOLE[:10], "is cut off within its sizes"),
        (WHOLE[:-1], r"says \(5, 3, 4\), which is 60 bytes, and holds only 59; fetch it again"),
        (WHOLE + b"x", "which is 60 bytes, and holds more"),
        (idx(IMAGES[:, :2]), r"holds uint8 \(5, 2, 4\); wanted are uint8 \(any, 3, 4\)"),
        (idx(IMAGES[0]), r"holds uint8 \(3, 4\); wanted"),
        (idx(IMAGES.astype(np.int32), 0x0C), r"holds int32 \(5, 3, 4\); wanted are uint8"),
        (idx(IMAGES.astype(np.float64), 0x0E), r"holds float64 \(5, 3, 4\)"),
        (b"\0\0\x08\x03\xff\xff\xff\xff\0\0\0\x03\0\0\0\x04", "no file of digits is that large"),
        (gzip.compress(WHOLE, mtime=0)[:-12], r"is a damaged gzip file \(.*\); fetch it again"),
        (gzip.compress(WHOLE[:-1], mtime=0), "holds only 59"),
        (b"\x1f\x8bnonsense", "is a damaged gzip file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, content, message):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, shape=(None, 3, 4))
    assert str(caught.value).startswith(str(path))


def test_a_changed_byte_in_a_gzipped_file_is_noticed(tmp_path):
    path = tmp_path / "a.gz"
    content = bytearray(gzip.compress(WHOLE, compresslevel=0))
    content[content.index(IMAGES[2].tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged gzip file"):
        read_idx(path, shape=(None, 3, 4))


@pytest.mark.parametrize("name, message", [("gone", "does not exist"), (".", "Is a directory")])
def test_no_file_is_said(tmp_path, name, message):
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / name, shape=(None,))
