"""Downloads, against servers of this machine that behave and misbehave as real ones do."""

from __future__ import annotations

import hashlib
import json
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

import dlh.data.fetch.download as download_module
import dlh.data.fetch.partial as partial_module
from data.misbehaving_mirrors import CONTENT, DIGEST, HALF, OTHER, Server
from data.refusals import refused
from data.small_store import child, limited, names, output
from dlh.data.fetch.download import fetch
from dlh.data.fetch.remote import Remote, sha256_of


@pytest.fixture
def server(monkeypatch):
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


def remote(server, *ways, **known):
    mirrors = tuple(server.url(way) for way in ways)
    return Remote(file="clips.zip", mirrors=mirrors, **({"sha256": DIGEST} | known))


def failure(wanted, folder, code="download-failed"):
    with refused(code=code) as caught:
        fetch(wanted, folder)
    return str(caught.value)


def begin(folder, content, **origin):
    """What an interrupted download leaves."""
    (folder / "clips.zip.part").write_bytes(content)
    if origin:
        (folder / "clips.zip.part.json").write_text(json.dumps(origin))


@contextmanager
def closed_port():
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/clips.zip"


@pytest.mark.parametrize("known", [{}, {"size": len(CONTENT)}, {"sha256": None}])
@pytest.mark.parametrize("way", ["good", "plain", "moved", "cut"])
def test_a_file_is_fetched_once(server, tmp_path, way, known):
    told = []
    wanted = remote(server, way, **known)
    folder = tmp_path / "new" / "folder"
    path = fetch(wanted, folder, progress=lambda *now: told.append(now))
    assert path == folder / "clips.zip" and path.read_bytes() == CONTENT
    assert names(folder) == ["clips.zip"] and sha256_of(path) == DIGEST
    assert told == sorted(told) and told[-1] == (len(CONTENT), len(CONTENT))
    server.asked.clear()
    assert fetch(wanted, folder) == path and server.asked == []


def test_a_file_that_is_there_needs_no_mirror_and_a_wrong_one_is_left_alone(tmp_path):
    wanted = Remote(file="clips.zip", mirrors=(), sha256=DIGEST, size=len(CONTENT))
    assert f"{tmp_path} by hand (clips.zip, SHA-256 {DIGEST})" in failure(wanted, tmp_path)
    (tmp_path / "clips.zip").write_bytes(CONTENT)
    assert fetch(wanted, tmp_path).read_bytes() == CONTENT
    (tmp_path / "clips.zip").write_bytes(b"mine")
    text = failure(wanted, tmp_path, "unexpected-file")
    assert hashlib.sha256(b"mine").hexdigest() in text and DIGEST in text
    assert "(4 bytes, not 300,000)" in text
    assert names(tmp_path) == ["clips.zip"]
    assert (tmp_path / "clips.zip").read_bytes() == b"mine"
    unknown = Remote(file="clips.zip", mirrors=(), size=5)
    assert "4 bytes, expected 5" in failure(unknown, tmp_path, "unexpected-file")
    (tmp_path / "folder").mkdir()
    folder = Remote(file="folder", mirrors=())
    assert str(tmp_path / "folder") in failure(folder, tmp_path, "unexpected-file")


BAD = {
    "missing": "answers 404 Not Found",
    "broken": "answers 500 Internal Server Error",
    "html": "sends an HTML page instead of the file",
    "disguised": "sends an HTML page instead of the file",
    "packed": "sends the file compressed (gzip)",
    "bad": f"sends another file: it has SHA-256 {hashlib.sha256(OTHER).hexdigest()}, expected "
    + DIGEST,
    "short": "has a file of 1,000 bytes, expected 300,000",
    "round": "gives no answer (Exceeded maximum allowed redirects",
    "endless": "sends more than the 300,000 bytes of the file",
}


def test_the_next_mirror_is_tried_and_all_reasons_are_in_one_error(server, tmp_path):
    with closed_port() as down:
        bad = remote(server, *BAD, size=len(CONTENT))
        wanted = Remote(**(vars(bad) | {"mirrors": (down, *bad.mirrors)}))
        first, *lines = failure(wanted, tmp_path).split("\n")
        assert f"{tmp_path} by hand (clips.zip, SHA-256 {DIGEST})" in first
        assert lines[0].startswith(f"  {down} cannot be reached (")
        for line, (way, reason) in zip(lines[1:], BAD.items(), strict=True):
            assert line.startswith(f"  {server.url(way)} {reason}")
        assert [way for way, *_ in server.asked if way != "round"] == [
            way for way in BAD if way != "round"
        ]
        assert names(tmp_path) == []
        wanted = Remote(**(vars(wanted) | {"mirrors": (*wanted.mirrors, server.url("good"))}))
        assert fetch(wanted, tmp_path).read_bytes() == CONTENT


def test_without_a_checksum_a_file_must_be_whole_at_least(server, tmp_path):
    text = failure(remote(server, "empty", "unsure", "html", sha256=None), tmp_path)
    assert "empty/clips.zip sends another file: it has 0 bytes" in text
    assert "unsure/clips.zip does not give the length" in text
    assert "html/clips.zip sends an HTML page" in text
    assert fetch(remote(server, "unsure"), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("way", ["silent", "falls_silent"])
def test_a_mirror_that_falls_silent_is_left(server, tmp_path, way, monkeypatch):
    # Long enough for a busy machine to send a first piece, and fewer attempts to make up for it.
    monkeypatch.setattr(download_module, "_READ_SECONDS", 0.8)
    monkeypatch.setattr(download_module, "_ATTEMPTS", 2)
    assert fetch(remote(server, way, "good"), tmp_path).read_bytes() == CONTENT
    pieces = 2 if way == "falls_silent" else 0  # an attempt that brings nothing is the last
    ranges = [asked[1] for asked in server.asked]
    assert ranges == ([None, "bytes=1000-", "bytes=2000-"] if pieces else [None, None])
    assert [asked[0] for asked in server.asked] == [way] * max(1, pieces) + ["good"]
    (tmp_path / "clips.zip").unlink()
    reason = "broke off after 2,000 bytes (" if pieces else "does not answer within"
    assert f"{way}/clips.zip {reason}" in failure(remote(server, way), tmp_path)


def test_a_connection_that_is_cut_is_taken_up_again(server, tmp_path):
    server.cuts = 3
    assert fetch(remote(server, "cut"), tmp_path).read_bytes() == CONTENT
    assert [wanted for _, wanted, _ in server.asked] == [
        None, *(f"bytes={n * HALF // 2}-" for n in (1, 2, 3))
    ]  # fmt: skip


def test_what_came_before_a_cut_is_kept_and_another_mirror_goes_on(server, tmp_path):
    text = failure(remote(server, "badcut"), tmp_path)
    assert "150,000 bytes are kept" in text
    assert "badcut/clips.zip broke off after 150,000 bytes (" in text
    assert names(tmp_path) == ["clips.zip.part"]
    server.asked.clear()
    assert fetch(remote(server, "good"), tmp_path).read_bytes() == CONTENT
    assert server.asked == [("good", f"bytes={HALF}-", None)]
    assert names(tmp_path) == ["clips.zip"]


@pytest.mark.parametrize("way", ["good", "plain", "shifted", "never", "moved"])
@pytest.mark.parametrize(
    "part", [CONTENT[:1000], OTHER, CONTENT, bytes(HALF), CONTENT + b"more"],
    ids=["beginning", "wrong at its end", "all", "nonsense", "too much"],
)  # fmt: skip
def test_whatever_part_is_here_the_right_file_comes_of_it(server, tmp_path, way, part):
    begin(tmp_path, part)
    assert fetch(remote(server, way), tmp_path).read_bytes() == CONTENT
    assert names(tmp_path) == ["clips.zip"]


@pytest.mark.parametrize("part, requests", [(CONTENT, 0), (OTHER, 1), (CONTENT + b"more", 1)])
def test_a_part_of_the_whole_size_is_judged_without_a_request(server, tmp_path, part, requests):
    begin(tmp_path, part)
    wanted = remote(server, "good", size=len(CONTENT))
    assert fetch(wanted, tmp_path).read_bytes() == CONTENT
    assert [wanted for _, wanted, _ in server.asked] == [None] * requests


def test_without_a_checksum_only_parts_of_one_version_are_joined(server, tmp_path):
    wanted = remote(server, "plain", "good", sha256=None)
    origin = {"url": server.url("good"), "etag": '"1"', "modified": None, "total": len(CONTENT)}
    begin(tmp_path, CONTENT[:HALF], **origin)
    assert fetch(wanted, tmp_path).read_bytes() == CONTENT
    assert server.asked == [("good", f"bytes={HALF}-", '"1"')]  # not the first in the list
    assert names(tmp_path) == ["clips.zip"]
    for change in (
        {"url": server.url("elsewhere")}, {"etag": 'W/"1"'}, {"etag": '"0"'}, {"total": 9}, {"x": 1}
    ):  # fmt: skip
        (tmp_path / "clips.zip").unlink()
        begin(tmp_path, bytes(HALF), **(origin | change))
        assert fetch(remote(server, "good", sha256=None), tmp_path).read_bytes() == CONTENT
        assert names(tmp_path) == ["clips.zip"]


FETCH = """
from dlh.data.fetch.download import fetch
from dlh.data.fetch.remote import Remote
remote = Remote(file="clips.zip", mirrors=(sys.argv[1],), sha256=sys.argv[3] or None)
told = lambda done, total: done and print(done, flush=True)
try:
    print("done", fetch(remote, sys.argv[2], progress=told))
except DataError as error:
    print(error)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("sent, digest", [(signal.SIGINT, DIGEST), (signal.SIGKILL, "")])
def test_an_interruption_keeps_what_came(server, tmp_path, sent, digest):
    process = child(FETCH, server.url("slow"), tmp_path, digest)
    assert int(process.stdout.readline()) > 0
    process.send_signal(sent)
    process.communicate()
    size = (tmp_path / "clips.zip.part").stat().st_size
    assert 0 < size < len(CONTENT) and "clips.zip" not in names(tmp_path)
    assert fetch(remote(server, "slow", sha256=digest or None), tmp_path).read_bytes() == CONTENT
    assert [wanted for _, wanted, _ in server.asked] == [None, f"bytes={size}-"]
    assert names(tmp_path) == ["clips.zip"]


def test_two_processes_fetch_a_file_once(server, tmp_path):
    processes = [child(FETCH, server.url("slow"), tmp_path, DIGEST) for _ in range(2)]
    for process in processes:
        assert process.communicate()[0].endswith(f"done {tmp_path}/clips.zip\n")
    assert len(server.asked) == 1 and names(tmp_path) == ["clips.zip"]
    assert (tmp_path / "clips.zip").read_bytes() == CONTENT


def test_a_disk_that_fills_up_is_said_and_what_came_is_kept(server, tmp_path, monkeypatch):
    text = output(limited(100_000) + FETCH, server.url("good"), tmp_path, DIGEST)
    assert f"{tmp_path}/clips.zip.part" in text and "File too large; the 100,000 bytes" in text
    assert names(tmp_path) == ["clips.zip.part"]
    usage = type("Usage", (), {"free": 199_999})
    monkeypatch.setattr(partial_module.shutil, "disk_usage", lambda path: usage)
    text = failure(remote(server, "good"), tmp_path, "no-space")
    assert "199,999 bytes free" in text and "200,000 more" in text
    usage.free = 200_000
    assert fetch(remote(server, "good"), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "change, found",
    [
        ({"file": "../clips.zip"}, "'../clips.zip'"),
        ({"file": ""}, "''"),
        ({"mirrors": ("ftp://a/b",)}, "'ftp://a/b'"),
        ({"mirrors": ("file:///etc/passwd",)}, "'file:///etc/passwd'"),
        ({"sha256": "abc"}, "'abc'"),
        ({"size": 0}, "size 0"),
    ],
)
def test_what_cannot_be_fetched_is_refused_at_once(change, found):
    with refused(found):
        Remote(**({"file": "a", "mirrors": ()} | change))


def test_the_client_is_imported_only_to_download():
    code = "import sys, dlh.data.fetch.download; print('httpx2' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
