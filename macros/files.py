"""Files that are put in place whole or not at all, and results that are kept for the next build.

What is kept carries a hash of itself, so that what was cut off, overwritten or changed on its way counts as not there. Whatever
is wrong with a cache costs time, and never the site: what cannot be kept is made again.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

DRAFT = ".draft"


def is_draft(path: Path) -> bool:
    """Whether the name is that of a file that is being written, or that an interruption has left."""
    return path.name.startswith(".") and path.name.endswith(DRAFT)


def put(path: Path, data: bytes) -> None:
    """Make the file hold these bytes, in one step for whoever reads it. Raises OSError, and then leaves what was there."""
    # Hidden, so that no generator takes for a file of the site what a killed build has left; and of this process alone.
    draft = path.with_name(f".{path.name}.{os.getpid()}{DRAFT}")
    try:
        try:
            draft.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(data)
        draft.replace(path)
    except BaseException as error:
        if isinstance(error, OSError):
            # The system names the draft, or nothing.
            error.filename, error.filename2 = str(path), None
        with suppress(OSError):
            draft.unlink()
        raise


_written: set[Path] = set()


def write(folder: Path, texts: Mapping[str, str | bytes]) -> None:
    """Make each file, by path below the folder, hold its content. One that does already is not touched, so that a server which
    watches comes to rest. Raises OSError."""
    for name, content in texts.items():
        path = folder / name
        _written.add(path.absolute())
        data = content.encode() if isinstance(content, str) else content
        if not path.is_file() or path.read_bytes() != data:
            put(path, data)


def remove(path: Path) -> None:
    """Remove a file that `write` has put there, in this process or in another. Raises OSError."""
    _written.add(path.absolute())
    path.unlink(missing_ok=True)


def is_written(path: Path) -> bool:
    """Whether a build in this process has put the file there, has removed it, or is about to."""
    return is_draft(path) or path.absolute() in _written


def sweep(folder: Path) -> None:
    """Remove the drafts that builds have left in the folder. No other build may be writing there."""
    for path in folder.rglob(f".*{DRAFT}"):
        path.unlink(missing_ok=True)


def stats(folder: str | Path) -> Iterator[tuple[str, int, int]]:
    """Path, time in ns and size of every file below the folder, but for what is hidden or compiled.

    Paths are strings: of tens of thousands, to make a Path takes longer than to ask for time and size.
    """
    if not Path(folder).is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            if entry.is_dir():
                yield from stats(entry.path)
                continue
            with suppress(FileNotFoundError):
                stat = entry.stat()
                yield entry.path, stat.st_mtime_ns, stat.st_size


def keep(path: Path, data: bytes) -> None:
    """Keep a result for `kept`. Where that fails, the build goes on and says once why the next one will be slow, too."""
    try:
        put(path, _seal(data) + data)
    except OSError as error:
        _tell(str(path.parent), error.strerror or str(error))


def kept(path: Path) -> bytes | None:
    """What `keep` has been given for the file; None where there is nothing, or not all of it, or something else."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    seal, end, data = content.partition(b"\n")
    return data if seal + end == _seal(data) else None


def _seal(data: bytes) -> bytes:
    """The first line of what is kept."""
    return hashlib.sha256(data).hexdigest().encode() + b"\n"


@lru_cache(maxsize=64)
def _tell(folder: str, why: str) -> None:
    logging.getLogger("mkdocs.plugins.macros.files").info(
        "Nothing can be kept in %s for the next build: %s", folder, why
    )
