from __future__ import annotations

import numpy as np
import pytest

from dlh.files.npz import ArchiveError, map_arrays, writing_arrays
from refusals import refused


def test_arrays_come_back_from_the_pieces_they_were_written_in(tmp_path):
    random = np.random.default_rng(0)
    array = random.random((2, 5, 3, 4)).astype(np.float32)
    turned = array.transpose(0, 1, 3, 2)  # not in the order of its elements in memory
    with writing_arrays(tmp_path / "a.npz") as file:
        file.write("whole", array.shape, [array])
        file.write("pieces", turned.shape, (row[None] for clip in turned for row in clip))
        file.write("double", (4,), [np.arange(4.0)])
    with np.load(tmp_path / "a.npz") as arrays:
        assert np.array_equal(arrays["whole"], array)
        assert np.array_equal(arrays["pieces"], turned)
        assert arrays["double"].dtype == np.float32
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_arrays_that_break_off_leave_what_was_there(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"old")

    def pieces():
        yield np.zeros(3, np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), writing_arrays(tmp_path / "a.npz") as file:
        file.write("broken", (6,), pieces())
    assert (tmp_path / "a.npz").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_where_they_lie_or_unpacked_once(tmp_path, save):
    path, scratch = tmp_path / "a.npz", tmp_path / "scratch"
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    save(path, array=array, turned=np.asfortranarray(array), empty=np.zeros((0, 3)))
    for _ in range(2):
        found = map_arrays(path, ("array", "turned", "empty", "missing"), scratch)
        assert set(found) == {"array", "turned", "empty"}
        assert isinstance(found["array"], np.memmap)
        assert np.array_equal(found["array"], array) and np.array_equal(found["turned"], array)
        assert found["empty"].shape == (0, 3)
    if save is np.savez_compressed:
        assert {path.name for path in scratch.iterdir()} == {"array.npy", "turned.npy", "empty.npy"}
    else:
        assert not scratch.exists()


def test_a_file_that_holds_no_arrays_is_refused_by_name(tmp_path):
    whole = tmp_path / "whole.npz"
    np.savez(whole, array=np.zeros(1000))
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "cut.npz").write_bytes(whole.read_bytes()[:500])
    np.savez(tmp_path / "objects.npz", array=np.array([{}]))
    flipped = bytearray(whole.read_bytes())
    flipped[4000] ^= 1
    (tmp_path / "flipped.npz").write_bytes(flipped)
    for name in ("missing.npz", "text.npz", "cut.npz", "objects.npz", "flipped.npz"):
        with refused(ArchiveError, name):
            map_arrays(tmp_path / name, ["array"], tmp_path / "scratch")
