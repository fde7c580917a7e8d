from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlh.errors import OutputError, UsageError
from dlh.files.outputs import ArrayFile, check_writable, write_bytes


def test_arrays_come_back_from_the_pieces_they_were_written_in(tmp_path):
    random = np.random.default_rng(0)
    array = random.random((2, 5, 3, 4)).astype(np.float32)
    turned = array.transpose(0, 1, 3, 2)  # not in the order of its elements in memory
    with ArrayFile(tmp_path / "a.npz") as file:
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

    with pytest.raises(KeyboardInterrupt), ArrayFile(tmp_path / "a.npz") as file:
        file.write("broken", (6,), pieces())
    assert (tmp_path / "a.npz").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_what_could_not_be_written_is_found_before_the_work(tmp_path):
    check_writable(tmp_path / "new" / "folder" / "a.mp4", ".mp4")
    check_writable(tmp_path / "A.MP4", ".mp4")
    assert not (tmp_path / "A.MP4").exists() and not any((tmp_path / "new/folder").iterdir())
    with pytest.raises(UsageError, match="a must end in .mp4, found no ending"):
        check_writable(tmp_path / "a", ".mp4")
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(UsageError, match="a.npz is a folder; name a file in it"):
        check_writable(tmp_path / "a.npz", ".npz")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write .*file/a.mp4: (File exists|Not a direct)"):
        check_writable(tmp_path / "file" / "a.mp4", ".mp4")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    write_bytes(path, b"content")
    assert path.read_bytes() == b"content"
    with pytest.raises(OutputError, match="cannot write .*nowhere/a.json: No such file"):
        write_bytes(Path(tmp_path / "nowhere" / "a.json"), b"content")
