"""A built site -> the same site, whose pages load what they all need as one script and one style sheet (vendor/join.mjs).

The sources stay what they are: modules and sheets by subject, which `make serve` shows as they stand. A page that loads them
one by one waits for a round trip after another, and of the theme's sheet it uses a quarter. So this is done to what is published.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from macros.faults import Fault, SourceError
from macros.places import ROOT

FOLDER = "assets/joined"
"""Where the joined files are, below the site's root: as deep as those that they are made of, whose relative addresses they keep."""

_LONGEST_HEAD = 1 << 15
"""Bytes; of a page whose head is longer, all is read."""

_HEAD_ENDS = b"</head>"

_TOOL = ROOT / "vendor" / "join.mjs"
_ENTRY = b'assets/javascripts/site.js"'
_SHEET = re.compile(
    rb'<link rel="stylesheet" href="([^"]*?)(assets/stylesheets/(?:[^"/]+/)?[^"/]+\.css)">\n?'
)
# What stands before the address of a script, which is the last to name one on a page.
_OPENED = re.compile(rb'<script src="[^"]*$')


class Joining(NamedTuple):
    """What joins the scripts and the sheets of a site beside this process."""

    sheets: list[str]
    """Those that are joined, for `relinked`."""
    process: subprocess.Popen[str]

    def has_all_pages(self) -> None:
        """Say that no page is to come any more. From then on pages may get other scripts and other words in their heads, each page in
        one step."""
        self.process.stdin.close()  # type: ignore[union-attr]


@contextmanager
def writing(site_dir: Path) -> Iterator[Joining]:
    """Write the joined scripts and sheets while the block runs, which may add pages until it says that it has all. Raises SourceError."""
    sheets = common([found for page in site_dir.rglob("*.html") if (found := sheets_of(_head_of(page)))])
    process = _started(site_dir, sheets)
    try:
        joining = Joining(sheets, process)
        yield joining
        joining.has_all_pages()
        said = process.stderr.read()  # type: ignore[union-attr]
        process.wait()
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        mend = "mend the script, the sheet or the disk that it names; if a package is missing, run make build"
        why = said.strip() or f"it ended with the status {process.returncode}"
        raise SourceError([Fault(_TOOL, None, f"failed: {why}", mend)])


def sheets_of(html: bytes) -> list[str]:
    """The addresses of a page's style sheets below the site's root, in their order."""
    return [match[2].decode() for match in _SHEET.finditer(_head(html))]


def common(pages: Iterable[list[str]]) -> list[str]:
    """The sheets with which every page begins, which therefore can be one."""
    first, *others = pages
    count = 0
    while count < len(first) and all(page[: count + 1] == first[: count + 1] for page in others):
        count += 1
    return first[:count]


def relinked(html: bytes, sheets: list[str]) -> bytes:
    """The page with one sheet in the place of `sheets`, if these are its first, and the joined script in that of the entry."""
    head = _head(html)
    body = html[len(head) :]
    matches = list(_SHEET.finditer(head))[: len(sheets)]
    if sheets and [match[2].decode() for match in matches] == sheets:
        for match in reversed(matches[1:]):
            head = head[: match.start()].rstrip(b" \t") + head[match.end() :]
        first = matches[0]
        joined = first[0].replace(first[1] + first[2], first[1] + f"{FOLDER}/site.css".encode())
        head = head[: first.start()] + joined + head[first.end() :]
    at = body.rfind(_ENTRY)
    if at >= 0 and _OPENED.search(body[max(at - 100, 0) : at]):
        body = body[:at] + f'{FOLDER}/site.js"'.encode() + body[at + len(_ENTRY) :]
    return head + body


def _head_of(page: Path) -> bytes:
    """A page up to its head's end, which is near its beginning."""
    with page.open("rb") as file:
        head = file.read(_LONGEST_HEAD)
        return head if _HEAD_ENDS in head else head + file.read()


def _head(html: bytes) -> bytes:
    """Where sheets are linked. The rest of a page, a hundred times as long, is not worth the search."""
    return html[:end] if (end := html.find(_HEAD_ENDS)) >= 0 else html


def _started(site_dir: Path, sheets: list[str]) -> subprocess.Popen[str]:
    # Where the system has no Node.js, one has come from PyPI, beside the Python that runs.
    places = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    node = shutil.which("node", path=places)
    if not node:
        raise SourceError([Fault(_TOOL, None, "needs Node.js, which is not to be found", "run make build")])
    command = [node, str(_TOOL), str(site_dir.absolute()), FOLDER, *sheets]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
