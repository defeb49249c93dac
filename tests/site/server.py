"""Serve a built site the way GitHub Pages does: what it answers to an address, and with which headers.

Over plain HTTP/1.1; what measures has Pages' HTTP/2 and TLS (lighthouse/pages.mjs).

What is known of it, each read in November 2026:
- a folder's address without its slash is redirected to an absolute address, https://github.com/jekyll/jekyll/issues/4920
- `/page` is `page.html`, and is so before it is a folder; `/page/` is not, https://github.com/slorber/trailing-slash-guide
- letters' case counts, https://github.com/wikicensorship/wikicensorship.github.io/issues/5
- the headers as they were recorded in October 2026, https://httr2.r-lib.org/dev/reference/resp_headers.html
- types are those of mime-db, https://github.com/orgs/community/discussions/22863
- compressed is what mime-db calls compressible, https://github.com/jshttp/mime-db/issues/397
- hidden files are left out when a workflow uploads a site, https://github.com/libredb/libredb.github.io/pull/34
"""

from __future__ import annotations

import gzip
import re
import sys
import threading
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache, partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from macros.sizes import PACKED

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "application/javascript; charset=utf-8",
    ".mjs": "application/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".map": "application/json; charset=utf-8",
    ".webmanifest": "application/manifest+json; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".yml": "text/yaml; charset=utf-8",
    ".xml": "application/xml",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".pdf": "application/pdf",
    ".gz": "application/gzip",
}
"""By the end of a file's name. Any other is bytes, which a browser saves: so an .apkg."""

_BYTES = "application/octet-stream"
_SECONDS = 600


class Stored(NamedTuple):
    """A file of the site."""

    path: Path
    changed: int
    """Seconds since 1970."""
    size: int

    @property
    def type(self) -> str:
        return TYPES.get(self.path.suffix, _BYTES)

    @property
    def tag(self) -> str:
        """Of its time and size alone, in hexadecimal."""
        return f"{self.changed:x}-{self.size:x}"


class PagesHandler(BaseHTTPRequestHandler):
    """Answers below `prefix` ("/name/") with the files in `directory`, and with its 404.html to any other address."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "GitHub.com", ""

    def __init__(self, *arguments: Any, directory: str, prefix: str, **options: Any) -> None:
        self.directory, self.prefix = Path(directory), prefix
        super().__init__(*arguments, **options)

    def version_string(self) -> str:
        return self.server_version

    def do_GET(self) -> None:
        address, _, query = self.path.partition("?")
        path = unquote(urlsplit(address).path)
        if f"{path}/" == self.prefix or (path.startswith(self.prefix) and self._is_redirected(path)):
            self._redirect(f"{address}/" + (f"?{query}" if query else ""))
            return
        found = self._stored(path)
        if found:
            self._answer(found)
        else:
            self._answer_nothing()

    do_HEAD = do_GET

    # --- Which file an address means --------------------------------------------------------------------------------

    def _is_redirected(self, path: str) -> bool:
        """Whether it is a folder's without the slash, and no page's."""
        return not path.endswith("/") and self._stored(path) is None and self._at(path) is not None

    def _stored(self, path: str) -> Stored | None:
        names = [f"{path}index.html"] if path.endswith("/") else [path, f"{path}.html"]
        for name in names:
            file = self._at(name)
            if file and file.is_file():
                stat = file.stat()
                return Stored(file, int(stat.st_mtime), stat.st_size)
        return None

    def _at(self, path: str) -> Path | None:
        """What is there, file or folder, in the very letters of the address; nothing hidden, and nothing outside of the site."""
        if not path.startswith(self.prefix) or "\0" in path:
            return None
        place = self.directory
        for name in filter(None, path.removeprefix(self.prefix).split("/")):
            # Not every machine's disk tells cases apart.
            if (
                name.startswith(".")
                or not place.is_dir()
                or name not in _names(place, place.stat().st_mtime_ns)
            ):
                return None
            place /= name
        return place if place.exists() else None

    # --- Answers ----------------------------------------------------------------------------------------------------

    def _answer(self, found: Stored) -> None:
        headers = {
            "Content-Type": found.type,
            "Last-Modified": formatdate(found.changed, usegmt=True),
            "Access-Control-Allow-Origin": "*",
            "ETag": f'"{found.tag}"',
            "Expires": formatdate(time() + _SECONDS, usegmt=True),
            "Cache-Control": f"max-age={_SECONDS}",
            "Accept-Ranges": "bytes",
            "Vary": "Accept-Encoding",
        }
        if self._has(found):
            self._send(304, headers)
            return
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if wanted and (wanted[1] or wanted[2]):
            self._answer_part(found, headers, wanted[1], wanted[2])
        elif self._takes_gzip() and found.path.suffix in PACKED:
            packed = {"Content-Encoding": "gzip", "ETag": f'W/"{found.tag}"'}
            self._send(200, headers | packed, _packed(found.path, found.path.stat().st_mtime_ns))
        else:
            self._send(200, headers, found.path.read_bytes())

    def _answer_part(self, found: Stored, headers: Mapping[str, str], first: str, last: str) -> None:
        """The bytes asked for: from `first` to `last`, or as many from the end as `last` says where there is no `first`."""
        start = int(first) if first else max(found.size - int(last), 0)
        end = min(int(last), found.size - 1) if first and last else found.size - 1
        if start > end:
            self._send(416, {"Content-Range": f"bytes */{found.size}"}, b"")
            return
        told = {"Content-Range": f"bytes {start}-{end}/{found.size}"}
        self._send(206, {**headers, **told}, found.path.read_bytes()[start : end + 1])

    def _answer_nothing(self) -> None:
        page = self.directory / "404.html"
        body = page.read_bytes() if page.is_file() else b"Not found"
        headers = {
            "Content-Type": TYPES[".html"],
            "Access-Control-Allow-Origin": "*",
            "Vary": "Accept-Encoding",
        }
        if self._takes_gzip() and page.is_file():
            headers["Content-Encoding"] = "gzip"
            body = _packed(page, page.stat().st_mtime_ns)
        self._send(404, headers, body)

    def _redirect(self, target: str) -> None:
        headers = {"Content-Type": "text/html", "Location": f"http://{self.headers['Host']}{target}"}
        self._send(301, headers, b"<h1>301 Moved Permanently</h1>")

    def _has(self, found: Stored) -> bool:
        """Whether who asks has the file as it is."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            return found.tag in re.findall(r'"([^"]*)"', tags) or tags.strip() == "*"
        try:
            return found.changed <= parsedate_to_datetime(self.headers["If-Modified-Since"]).timestamp()
        except (TypeError, ValueError):
            return False

    def _takes_gzip(self) -> bool:
        return bool(
            re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", self.headers.get("Accept-Encoding", ""))
        )

    def _send(self, status: int, headers: Mapping[str, str], body: bytes | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if body is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: the tests assert on what the browser saw."""


@lru_cache(maxsize=512)
def _names(folder: Path, changed: int) -> frozenset[str]:
    """What the folder holds, for as long as its time says that this is so."""
    return frozenset(path.name for path in folder.iterdir())


@lru_cache(maxsize=512)
def _packed(file: Path, changed: int) -> bytes:
    """The file compressed, once: hundreds of tests ask for the same scripts."""
    return gzip.compress(file.read_bytes(), 6)


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
