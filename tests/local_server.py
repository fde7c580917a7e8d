"""A web server of this machine that can be slow witted: what it does wrong, it is told."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LocalServer:
    """Serves bytes by their path, and remembers what it was asked for.

    Attributes:
        files: path to content.
        cut: paths whose next answer breaks off in the middle.
        broken: answers 503 to everything.
        asked: (path, range header or None), in order.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.broken = False
        self.asked: list[tuple[str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                span = self.headers.get("Range")
                server.asked.append((self.path, span))
                content = server.files.get(self.path)
                if server.broken or content is None:
                    self.send_error(503 if server.broken else 404)
                    return
                first = int(span.removeprefix("bytes=").removesuffix("-")) if span else 0
                self.send_response(206 if span else 200)
                if span:
                    whole = len(content)
                    self.send_header("Content-Range", f"bytes {first}-{whole - 1}/{whole}")
                self.send_header("Content-Length", str(len(content) - first))
                self.send_header("ETag", '"1"')
                self.end_headers()
                rest = content[first:]
                if self.path in server.cut:
                    server.cut.discard(self.path)
                    rest = rest[: len(rest) // 2]
                self.wfile.write(rest)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self) -> Generator[LocalServer]:
        """Serves while the block runs."""
        thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()
