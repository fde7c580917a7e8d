from __future__ import annotations

from pathlib import Path

from dlh.errors import OutputError, UsageError
from dlh.files.outputs import check_writable, make_folder, write_bytes
from refusals import refused


def test_what_could_not_be_written_is_found_before_the_work(tmp_path):
    check_writable(tmp_path / "new" / "folder" / "a.mp4", ".mp4")
    check_writable(tmp_path / "A.MP4", ".mp4")
    assert not (tmp_path / "A.MP4").exists() and not any((tmp_path / "new/folder").iterdir())
    (tmp_path / "a.npz").mkdir()
    for wrong, suffix in ((tmp_path / "a", ".mp4"), (tmp_path / "a.npz", ".npz")):
        with refused(UsageError, wrong):
            check_writable(wrong, suffix)
    (tmp_path / "file").touch()
    with refused(OutputError, "file/a.mp4"):
        check_writable(tmp_path / "file" / "a.mp4", ".mp4")
    with refused(OutputError, "file"):
        make_folder(tmp_path / "file")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    write_bytes(path, b"content")
    assert path.read_bytes() == b"content"
    with refused(OutputError, "nowhere/a.json"):
        write_bytes(Path(tmp_path / "nowhere" / "a.json"), b"content")
