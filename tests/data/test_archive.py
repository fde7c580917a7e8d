"""Archives: unpacked whole, inside their folder, once; anything else is refused in words."""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
import zipfile

import numpy as np
import pytest

import dlh.data.fetch.archive as archive_module
from data.refusals import refused
from data.small_store import child, limited, output
from dlh.data.clips import DataError
from dlh.data.fetch.archive import extract

RANDOM = np.random.default_rng(0)
FILES = {f"train/Clip {n} é.avi": RANDOM.bytes(3000 + n) for n in range(4)}
LIMIT = {"limit_bytes": 10**9}


def zipped(path, files=FILES, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def tarred(path, files=FILES, mode="w:gz"):
    with tarfile.open(path, mode) as file:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refuse(archive, folder, code="unsafe-archive", **options):
    with refused(archive, code=code) as caught:
        extract(archive, folder, **(LIMIT | options))
    return str(caught.value)


@pytest.mark.parametrize(
    "make", [zipped, tarred, lambda path: tarred(path, mode="w"), lambda p: tarred(p, mode="w:xz")]
)
def test_every_file_is_unpacked_as_it_was(tmp_path, make):
    told = []
    archive = make(tmp_path / "archive")  # what it is, its content says
    out = tmp_path / "out"
    paths = extract(archive, out, **LIMIT, progress=lambda *now: told.append(now))
    assert paths == [out / name for name in FILES]
    assert tree(out) == FILES
    total = sum(map(len, FILES.values()))
    assert told == sorted(told) and told[-1] == (total, total)


def test_hidden_files_are_ignored(tmp_path):
    others = {".hidden.avi": b"2", "__MACOSX/x.avi": b"3", "d/.git/x.avi": b"4"}
    archive = zipped(tmp_path / "a.zip", {**others, "B.AVI": b"5", "d/c.mp4": b"6", "e/": b""})
    extract(archive, tmp_path / "out", **LIMIT)
    assert tree(tmp_path / "out") == {"B.AVI": b"5", "d/c.mp4": b"6"}
    refuse(zipped(tmp_path / "b.zip", others), tmp_path / "no", "empty-archive")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    "name",
    [
        "../evil.avi",
        "a/../../evil.avi",
        "..\\evil.avi",
        "/evil.avi",
        "\\\\server\\evil.avi",
        "C:\\evil.avi",
        "c:evil.avi",
        "__MACOSX/../../evil.avi",
    ],
)
@pytest.mark.parametrize("make", [zipped, tarred])
def test_names_that_lead_elsewhere_are_refused(tmp_path, make, name):
    archive = make(tmp_path / "a", {"good.avi": b"1", name: b"2"})
    assert repr(name) in refuse(archive, tmp_path / "deep" / "out")
    assert os.listdir(tmp_path) == ["a"]


def test_links_and_devices_are_refused(tmp_path):
    info = zipfile.ZipInfo("link.avi")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(info, "/etc/passwd")
    assert "'link.avi'" in refuse(tmp_path / "a.zip", tmp_path / "out")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
        entry = tarfile.TarInfo("link.avi")
        entry.type, entry.linkname = kind, "../../x"
        with tarfile.open(tmp_path / "a.tar", "w") as file:
            file.addfile(entry)
        assert "'link.avi'" in refuse(tmp_path / "a.tar", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_bomb_is_refused_before_anything_is_written(tmp_path, make):
    archive = make(tmp_path / "a", {"zeros.avi": bytes(80_000_000)})
    text = refuse(archive, tmp_path / "out")
    assert "80,000,000" in text and f"{archive.stat().st_size:,} bytes" in text
    text = refuse(make(tmp_path / "b"), tmp_path / "out", limit_bytes=7000)
    assert "9,003" in text and "7,000" in text
    assert not (tmp_path / "out").exists()


def test_an_archive_within_an_archive_stays_one(tmp_path):
    inner = zipped(tmp_path / "inner.zip", {"zeros.avi": bytes(80_000_000)}).read_bytes()
    outer = zipped(tmp_path / "outer.zip", {"inner.zip": inner})
    extract(outer, tmp_path / "out", limit_bytes=len(inner))
    assert tree(tmp_path / "out") == {"inner.zip": inner}


def test_entries_that_overlap_are_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"a.avi": RANDOM.bytes(5000), "b.avi": b"1"})
    content = bytearray(archive.read_bytes())
    second = content.rindex(b"PK\x01\x02")
    struct.pack_into("<II", content, second + 20, 5000, 5000)
    archive.write_bytes(content)
    refuse(archive, tmp_path / "out")


def test_a_size_that_is_a_lie_ends_at_the_size(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"a.avi": bytes(5_000_000)})
    content = bytearray(archive.read_bytes())
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 24, 1000)
    archive.write_bytes(content)
    assert "a.avi: Bad CRC-32" in refuse(archive, tmp_path / "out", "damaged-archive")
    assert tree(tmp_path / "out") == {}


@pytest.mark.parametrize("make", [zipped, tarred, lambda path: tarred(path, mode="w")])
def test_what_is_cut_off_is_noticed_wherever_the_cut_is(tmp_path, make):
    whole = make(tmp_path / "whole").read_bytes()
    end = len(whole) if make is not zipped else len(whole) + 1
    for length in (10, 1500, end // 2, 12_300):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(DataError) as caught:
            extract(tmp_path / "cut", tmp_path / "out", **LIMIT)
        assert caught.value.code in ("damaged-archive", "unsupported-archive")
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_changed_byte_is_noticed_and_the_files_before_it_are_kept(tmp_path, compression):
    archive = zipped(tmp_path / "a.zip", compression=compression)
    content = bytearray(archive.read_bytes())
    third = content.index(b"PK\x03\x04", content.index(b"Clip 2") - 40)
    content[third + 1000] ^= 0x55
    archive.write_bytes(content)
    assert "train/Clip 2 é.avi" in refuse(archive, tmp_path / "out", "damaged-archive")
    assert tree(tmp_path / "out") == dict(list(FILES.items())[:2])


def test_a_changed_byte_of_a_packed_tar_is_noticed_first(tmp_path):
    archive = tarred(tmp_path / "a.tar.gz")
    content = bytearray(archive.read_bytes())
    content[-6] ^= 1  # of its checksum
    archive.write_bytes(content)
    assert "CRC check failed" in refuse(archive, tmp_path / "out", "damaged-archive")
    assert not (tmp_path / "out").exists()


def test_an_encrypted_or_strangely_packed_archive_is_said(tmp_path):
    content = bytearray(zipped(tmp_path / "a.zip", {"a.avi": b"12345"}).read_bytes())
    central = content.rindex(b"PK\x01\x02")
    for offset, value, code in ((8, 1, "unsupported-archive"), (10, 9, "damaged-archive")):
        changed = bytearray(content)
        struct.pack_into("<H", changed, central + offset, value)
        (tmp_path / "b.zip").write_bytes(changed)
        assert "a.avi" in refuse(tmp_path / "b.zip", tmp_path / "out", code)


@pytest.mark.parametrize(
    "content, code",
    [
        (b"", "data"),
        (b"<!DOCTYPE html><p>not found", "unsupported-archive"),
        (b"PK\x03\x04" + bytes(50), "damaged-archive"),
        (b"\x1f\x8b" + bytes(50), "unsupported-archive"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path, content, code):
    (tmp_path / "a.zip").write_bytes(content)
    refuse(tmp_path / "a.zip", tmp_path / "out", code)
    refuse(tmp_path / "gone.zip", tmp_path / "out", "data")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_that_want_one_place_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a.avi", "1")
        file.writestr("./a.avi", "2")
    assert "a.avi 2 times" in refuse(tmp_path / "a.zip", tmp_path / "out")
    archive = zipped(tmp_path / "b.zip", {"a.avi": b"1", "a.avi/b.avi": b"2"})
    assert "a.avi" in refuse(archive, tmp_path / "out")


@pytest.mark.parametrize("make", [zipped, tarred])
def test_an_interrupted_run_goes_on_where_it_was(tmp_path, make):
    archive, out = make(tmp_path / "a"), tmp_path / "out"

    def interrupt(done, total):
        if done > 7000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(archive, out, **LIMIT, progress=interrupt)
    assert tree(out) == dict(list(FILES.items())[:2])  # and nothing of the third
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.avi")}
    told = []
    extract(archive, out, **LIMIT, progress=lambda *now: told.append(now))
    assert tree(out) == FILES and told[0][0] == 3000 + 3001 + 3002
    assert {path: path.stat().st_mtime_ns for path in times} == times
    for path in out.rglob("*"):
        path.chmod(0o555)
    assert len(extract(archive, out, **LIMIT)) == 4  # nothing to write any more


def test_another_file_in_the_way_is_left_alone(tmp_path):
    archive = zipped(tmp_path / "a.zip")
    extract(archive, tmp_path / "out", **LIMIT)
    mine = tmp_path / "out" / "train" / "Clip 1 é.avi"
    mine.write_bytes(bytes(3001))
    assert str(mine) in refuse(archive, tmp_path / "out", "unexpected-file")
    assert mine.read_bytes() == bytes(3001)


def test_too_little_room_is_said_beforehand(tmp_path, monkeypatch):
    archive = zipped(tmp_path / "a.zip")
    usage = type("Usage", (), {"free": 12_005})
    monkeypatch.setattr(archive_module.shutil, "disk_usage", lambda path: usage)
    text = refuse(archive, tmp_path / "out", "no-space")
    assert "12,006 bytes" in text and "12,005" in text
    assert not (tmp_path / "out").exists()


UNPACK = """
from pathlib import Path
from dlh.data.fetch.archive import extract
try:
    print(len(extract(*map(Path, sys.argv[1:]), limit_bytes=10**9)))
except DataError as error:
    print(error)
"""


def test_a_disk_that_fills_up_leaves_whole_files_only(tmp_path):
    archive, out = zipped(tmp_path / "a.zip"), tmp_path / "out"
    text = output(limited(3001) + UNPACK, archive, out)
    assert "Clip 2 é.avi" in text and "File too large" in text
    assert tree(out) == dict(list(FILES.items())[:2])
    processes = [child(UNPACK, archive, out) for _ in range(2)]  # and two at once finish it
    assert [process.communicate()[0] for process in processes] == ["4\n", "4\n"]
    assert tree(out) == FILES
