"""Serve a built site the way GitHub Pages does: below its sub-path, with its own page for wrong addresses.

Over plain HTTP and without compression, which no test turns on; what measures has both (lighthouse/pages.mjs).
"""

from __future__ import annotations

import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class PagesHandler(SimpleHTTPRequestHandler):
    """Directory index, 301 to a directory's slash, 404.html with status 404, nothing outside the sub-path."""

    protocol_version = "HTTP/1.1"
    # The system's table of types may call a script text/plain, which browsers refuse for modules.
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".svg": "image/svg+xml",
        ".json": "application/json",
        ".webmanifest": "application/manifest+json",
    }

    def __init__(self, *arguments: Any, prefix: str, **options: Any) -> None:
        self.prefix = prefix
        super().__init__(*arguments, **options)

    def translate_path(self, path: str) -> str:
        address = urlsplit(path).path
        if not address.startswith(self.prefix):
            return str(Path(self.directory, ".outside-of-the-site"))
        slash = "" if address == self.prefix else "/"
        return super().translate_path(slash + address.removeprefix(self.prefix))

    def list_directory(self, path: Any) -> None:
        self.send_error(404)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        page = Path(self.directory, "404.html")
        if code != 404 or not page.is_file():
            super().send_error(code, message, explain)
            return
        body = page.read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: the tests assert on what the browser saw."""


class Server(ThreadingHTTPServer):
    """Bound to a free port of this machine from the start; serves nothing until `serve` is called."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SimpleHTTPRequestHandler)

    def serve(self, folder: Path, prefix: str) -> None:
        """Serve `folder` below `prefix` ("/name/") from a thread, until `close`."""
        self.RequestHandlerClass = partial(PagesHandler, directory=str(folder), prefix=prefix)
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that closes a page closes its connections: that is no error, and no more than noise in the report."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()
