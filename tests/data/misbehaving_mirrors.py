"""A server on this machine that behaves, and misbehaves, as real mirrors do."""

from __future__ import annotations

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

CONTENT = np.random.default_rng(0).bytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
OTHER = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
HALF = len(CONTENT) // 2


class Server(ThreadingHTTPServer):
    """Answers by the first part of the path, with ``Handler.give_`` and its name; remembers what
    was asked.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []  # (path, Range, If-Range)
        self.etag = '"1"'
        self.cuts = 1  # how often /cut cuts
        self.over = threading.Event()  # until then the silent ones are silent

    def url(self, way):
        return f"http://127.0.0.1:{self.server_port}/{way}/clips.zip"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *message): ...

    def do_GET(self):
        self.close_connection = True
        wanted = self.headers["Range"]
        way = self.path.split("/")[1]
        self.server.asked.append((way, wanted, self.headers["If-Range"]))
        getattr(self, f"give_{way}")(int(wanted[6:-1]) if wanted else None)

    def answer(self, status, body=b"", *, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is not False:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def ranged(self, begin, content=CONTENT, most=None, **headers):
        body = content[begin or 0 :]
        headers |= {"ETag": self.server.etag}
        if begin is not None:
            headers["Content_Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self.answer(206 if begin is not None else 200, body[:most], length=len(body), **headers)

    def give_good(self, begin):
        if begin is not None and begin >= len(CONTENT):
            self.answer(416, Content_Range=f"bytes */{len(CONTENT)}")
        else:
            self.ranged(begin)

    def give_plain(self, begin):  # knows no Range
        self.answer(200, CONTENT)

    def give_cut(self, begin):
        self.server.cuts -= 1
        self.ranged(begin, most=HALF // 2 if self.server.cuts >= 0 else None)

    def give_bad(self, begin):
        self.ranged(begin, OTHER)

    def give_badcut(self, begin):
        self.ranged(begin, OTHER, most=HALF if begin is None else 0)

    def give_short(self, begin):
        self.ranged(None, CONTENT[:1000])

    def give_empty(self, begin):
        self.answer(200)

    def give_missing(self, begin):
        self.answer(404)

    def give_broken(self, begin):
        self.answer(500)

    def give_html(self, begin):
        self.answer(200, b"<p>log in", Content_Type="text/html; charset=utf-8")

    def give_disguised(self, begin):
        self.answer(200, b"\n<!DOCTYPE html><p>", Content_Type="application/zip")

    def give_packed(self, begin):
        self.answer(200, CONTENT, Content_Encoding="gzip")

    def give_unsure(self, begin):  # no length: the end of the connection is the end of the file
        self.answer(200, CONTENT, length=False)

    def give_silent(self, begin):
        self.server.over.wait(30)

    def give_falls_silent(self, begin):
        self.ranged(begin, most=1000)
        self.wfile.flush()
        self.close_connection = False
        self.server.over.wait(30)

    def give_shifted(self, begin):  # answers another range than the one asked for
        if begin is None:
            return self.ranged(None)
        self.answer(206, CONTENT[5:], Content_Range=f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}")

    def give_never(self, begin):  # refuses every range
        self.answer(416) if begin is not None else self.ranged(None)

    def give_moved(self, begin):
        self.answer(302, Location=self.server.url("good"))

    def give_round(self, begin):
        self.answer(302, Location=self.server.url("round"))

    def give_endless(self, begin):
        self.answer(200, length=False, Transfer_Encoding="chunked")
        for _ in range(50):
            self.wfile.write(b"2710\r\n" + bytes(10_000) + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def give_slow(self, begin):
        self.send_response(206 if begin is not None else 200)
        self.send_header("Content-Length", str(len(CONTENT) - (begin or 0)))
        self.send_header("ETag", self.server.etag)
        if begin is not None:
            span = f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}"
            self.send_header("Content-Range", span)
        self.end_headers()
        for start in range(begin or 0, len(CONTENT), 10_000):
            self.wfile.write(CONTENT[start : start + 10_000])
            time.sleep(0.02)
