"""A built site -> what it weighs, in a few lines: by kind of file as it is and as a host sends it, and its heaviest files."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from macros import store

_KINDS = {
    ".html": "pages",
    ".js": "scripts",
    ".css": "styles",
    ".json": "data",
    ".xml": "data",
    ".md": "plain text",
    ".txt": "plain text",
    ".svg": "pictures",
    ".png": "pictures",
    ".woff2": "type",
}
_OTHERS = "others"

PACKED = frozenset(
    {".html", ".js", ".mjs", ".css", ".json", ".xml", ".md", ".txt", ".log", ".csv", ".yml", ".svg"}
    | {".webmanifest"}
)
"""What hosts compress: text."""

_HEAVIEST = 5

_SENT = store.Many("sizes.json")
"""What a host sends of a file, by the hash of its bytes: most are those of the last build, and to compress them all takes long."""


def report(site_dir: Path) -> str:
    """A table of files, bytes and bytes compressed, and the heaviest files. Sizes are in units of 1,000 bytes."""
    rows: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    files: list[tuple[int, int, str]] = []
    paths = sorted(path for path in site_dir.rglob("*") if path.is_file())
    # Threads are enough: while they compress, they do not hold one another up.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (whole, sent) in zip(paths, pool.map(_weighed, paths), strict=True):
            files.append((sent, whole, path.relative_to(site_dir).as_posix()))
            for name in (_KINDS.get(path.suffix, _OTHERS), "all"):
                row = rows[name]
                row[:] = [row[0] + 1, row[1] + whole, row[2] + sent]
    _SENT.keep()
    lines = [f"{'':12} {'files':>6} {'kB':>9} {'kB, gzip':>9}"]
    for name in sorted(rows, key=lambda name: (name == "all", -rows[name][2])):
        count, whole, sent = rows[name]
        lines.append(f"{name:12} {count:6} {_kb(whole)} {_kb(sent)}")
    lines.append("heaviest")
    for sent, whole, name in sorted(files, key=lambda file: (-file[0], file[2]))[:_HEAVIEST]:
        lines.append(f"{'':19} {_kb(whole)} {_kb(sent)}  {name}")
    return "\n".join(lines)


def _weighed(path: Path) -> tuple[int, int]:
    """A file's bytes, and those that a host sends."""
    data = path.read_bytes()
    if path.suffix not in PACKED:
        return len(data), len(data)
    return len(data), packed(data, hashlib.sha256(data).hexdigest())


def packed(data: bytes, digest: str) -> int:
    """How many bytes are left of a text when it is compressed; `digest` is its SHA-256 in hexadecimal."""
    size: int = _SENT.get(digest, lambda: len(gzip.compress(data, 6)))
    return size


def keep() -> None:
    """Keep what has been compressed for the report, which is another process's, and for the next build."""
    _SENT.keep(others=True)


def _kb(size: int) -> str:
    return f"{size / 1000:9,.1f}"
