"""A built site -> what keeps it on a reader's device: the list of its files with their hashes, and the service worker.

A device keeps texts compressed, as pages are most of the site and a tenth of their size then.

A release is known by a hash of the list and of the worker's text. The worker carries it, so that a browser, which compares
the worker's bytes with those that it has, notices every release and no other change.
"""

from __future__ import annotations

import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from macros import sizes

LIST = "offline.json"
WORKER = "worker.js"
SOURCE = "assets/javascripts/offline/worker.js"

# What nobody needs without a network: the PDF, which is downloaded or it is not; the pictures that other sites show; what only
# search engines read; what is made here; and the scripts and the sheets of the theme's that pages load joined.
_LEFT_OUT = ("*.pdf", "assets/cards/*", "sitemap.xml*", ".*", LIST, WORKER, SOURCE)
_JOINED = ("assets/javascripts/*", "assets/stylesheets/*.min.css")
# Still loaded from its own file: by the pages of addresses that have moved.
_ALONE = ("assets/javascripts/redirect.js",)


def write(site_dir: Path) -> None:
    """Write LIST and WORKER into the site, for the files that are there now. `bytes` is what a device needs for them."""
    source = (site_dir / SOURCE).read_text(encoding="utf-8")
    files = [_entry(site_dir, name) for name in _names(site_dir)]
    sizes.keep()
    facts = json.dumps([(file["address"], file["sha256"]) for file in files]) + source
    release = hashlib.sha256(facts.encode()).hexdigest()[:16]
    content = {"release": release, "bytes": sum(file["bytes"] for file in files), "files": files}
    # The worker last: whoever fetches it finds the list that it speaks of.
    (site_dir / LIST).write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    (site_dir / WORKER).write_text(f"const RELEASE = {json.dumps(release)};\n{source}", encoding="utf-8")


def _names(site_dir: Path) -> list[str]:
    names = (file.relative_to(site_dir).as_posix() for file in site_dir.rglob("*") if file.is_file())
    return sorted(name for name in names if not any(fnmatch(name, pattern) for pattern in _left_out(name)))


def _left_out(name: str) -> tuple[str, ...]:
    return _LEFT_OUT if name in _ALONE else _LEFT_OUT + _JOINED


def _entry(site_dir: Path, name: str) -> dict[str, Any]:
    """A file's address below the site's root, as a link has it, the SHA-256 of its bytes in hexadecimal, and how it is kept."""
    data = (site_dir / name).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    is_index = name == "index.html" or name.endswith("/index.html")
    entry = {"address": name.removesuffix("index.html") if is_index else name, "sha256": digest}
    if Path(name).suffix in sizes.PACKED:
        return {**entry, "bytes": sizes.packed(data, digest), "packed": True}
    return {**entry, "bytes": len(data)}
