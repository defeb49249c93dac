"""What the site costs as it grows: `python -m bench.scale`, as `make scale` runs it; SIZES says how many questions, "20 200 1000".

For each size a copy of the project is grown (bench/grown.py), built and finished twice, served and edited. The first build finds
drawn diagrams and nothing else. The second finds all that the first has kept, as any build does after an edit, and has to give the
same bytes. Seconds are those of the processor, of all processes together, which a busy machine does not stretch; where it says so,
they are the clock's. Zensical builds no more than ZENSICAL questions, for the time it takes. The last column is the cost of a page
at the last size to that at the one before.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.grown import grow

SIZES = (20, 200, 1000)
FILES = {
    "table of all questions": "questions/index.html",
    "questions.json": "questions.json",
    "search: names": "assets/search.json",
    "search: words": "assets/search-words.json",
    "sitemap": "sitemap.xml",
    "feed": "feed.xml",
    "llms-full.txt": "llms-full.txt",
    "page to print": "print/index.html",
    "list for offline": "offline.json",
}
ZENSICAL = 200
LONGEST_WAIT = 300
"""Seconds after which a server that shows no edit is not waited for any more: its line stays empty."""


class Cost(NamedTuple):
    """What commands took: seconds of the processor, their children's included, the clock's, and the most memory that a process had, in bytes."""

    seconds: float
    clock: float
    memory: int


Row = dict[str, float]


def measure(folder: Path, count: int) -> Row:
    """The costs of a site of so many questions, grown in `folder`. Ends the program where a command fails."""
    project = folder / "project"
    grow(project, count)
    row: Row = {}
    site = project / "site"
    first = _built(project, site)
    pages = len(list(site.rglob("index.html"))) - count
    digests = _digests(site)
    again = _built(project, site)
    if differing := [name for name, digest in _digests(site).items() if digests.get(name) != digest]:
        sys.exit(f"a build from the caches differs from one without them: {', '.join(differing[:10])}")
    for label, (built, finished) in {"first": first, "kept": again}.items():
        row |= {
            f"{label}: build, s": built.seconds,
            f"{label}: what is added to it, s": finished.seconds,
            f"{label}: both, s on the clock": built.clock + finished.clock,
            f"{label}: of a page, ms": 1000 * (built.seconds + finished.seconds) / pages,
            f"{label}: most memory, MB": max(built.memory, finished.memory) / 1e6,
        }
    row["pages, without short links"] = pages
    questions = [file.read_bytes() for file in sorted(site.glob("questions/*/*/index.html"))]
    row["a question's page, kB"] = median(map(len, questions)) / 1e3
    row["the same compressed, kB"] = median(len(gzip.compress(page, 9)) for page in questions) / 1e3
    for label, name in FILES.items():
        file = site / name
        row[f"{label}, kB"] = file.stat().st_size / 1e3 if file.is_file() else 0
    row |= _edit(
        "edit to view, s on the clock",
        project,
        "mkdocs",
        "serve",
        "--no-strict",
        "--dirty",
        "--livereload",
        "--dev-addr",
    )
    if count <= ZENSICAL:
        row["build by Zensical, s"] = _run(project, "zensical", "build").seconds
        row |= _edit("edit to view, Zensical, s on the clock", project, "zensical", "serve", "--dev-addr")
    return row


def _built(project: Path, site: Path) -> tuple[Cost, Cost]:
    """What it took to build the site, and to finish it."""
    return (
        _run(project, "mkdocs", "build", "--strict", "--dirty", "--site-dir", str(site)),
        _run(project, "macros", str(site)),
    )


def _digests(site: Path) -> dict[str, str]:
    """A hash of every file by its path, but for an archive, which carries the time at which it was made."""
    return {
        file.relative_to(site).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(site.rglob("*"))
        if file.is_file() and file.suffix != ".gz"
    }


def _run(folder: Path, *module: str) -> Cost:
    """Run a module of Python in `folder`, and wait."""
    print(f"{folder.parent.name}: {' '.join(module[:2])} ...", file=sys.stderr, flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", *module], cwd=folder, env=_environment(folder), stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            said.seek(0)
            sys.exit(f"{' '.join(module)} failed:\n{said.read()}")
    # Linux gives kibibytes, macOS bytes.
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - begun, memory)


def _environment(folder: Path) -> Mapping[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_MKDOCS_2_WARNING": "1",
        "MACROS_STOP": "true",
    }


def _edit(label: str, project: Path, *command: str) -> Row:
    """Seconds from the edit of a page until a server, `command` with an address behind it, shows it; nothing where it does not."""
    page = project / "docs/questions/technical/rate-limiting.md"
    text = page.read_text(encoding="utf-8")
    try:
        with _served(project, command) as origin:
            address = f"{origin}questions/technical/{page.stem}/"
            if not _is_shown(address, b"</article>"):
                return {}
            begun = time.monotonic()
            edited = text.replace("## What it tests\n", "## What it tests\n\nEdited-just-now.\n")
            page.write_text(edited, encoding="utf-8")
            is_shown = _is_shown(address, b"Edited-just-now.")
            return {label: time.monotonic() - begun} if is_shown else {}
    finally:
        page.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _served(project: Path, command: Sequence[str]) -> Iterator[str]:
    """The address of the site's root, which differs between the two."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    print(f"{project.parent.name}: {' '.join(command[:2])} ...", file=sys.stderr, flush=True)
    environment = {**_environment(project), "SITE_URL": f"http://{host}/"}
    server = subprocess.Popen(
        [sys.executable, "-m", *command, host],
        cwd=project,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://{host}/"
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _is_shown(address: str, text: bytes) -> bool:
    """Whether the text comes to be at the address within LONGEST_WAIT."""
    end = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=60) as answer:
            if text in answer.read():
                return True
        time.sleep(0.1)
    return False


def table(rows: Mapping[int, Row]) -> str:
    """The costs, a line each, a column a size."""
    sizes = list(rows)
    pages = "pages, without short links"
    lines = [["", *map(str, sizes), f"a page, {sizes[-1]} : {sizes[-2]}" if len(sizes) > 1 else ""]]
    for label in dict.fromkeys(label for row in rows.values() for label in row):
        ratio = ""
        if len(sizes) > 1 and label in rows[sizes[-1]] and (before := rows[sizes[-2]].get(label)):
            grown = rows[sizes[-1]][label] / before
            # What is there once for the whole site counts by its share for a page.
            of_page = label.startswith(("a question's page", "the same", "edit")) or ": of a page" in label
            ratio = f"{grown if of_page else grown * rows[sizes[-2]][pages] / rows[sizes[-1]][pages]:.2f}"
        lines.append([label, *(_shown(rows[size].get(label)) for size in sizes), ratio])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}".removesuffix(".0")


def main() -> None:
    sizes = tuple(map(int, os.environ.get("SIZES", "").replace(",", " ").split())) or SIZES
    rows: dict[int, Row] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix=f"grown-{size}-") as scratch:
            rows[size] = measure(Path(scratch), size)
        print(table(rows), flush=True)


if __name__ == "__main__":
    main()
