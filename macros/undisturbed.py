"""A build that nothing disturbs: the only one of its checkout, on sources that stay as they are until it is done.

Every build writes files below docs/ and overrides/ that its own pages are made of, with the address of its own site in them, so
a second one that began meanwhile would give half of its files to the first: it waits. Pages are read more than once, and one
that is edited in between would be told of in two versions: such a build fails, but for that of `make serve`, which begins again.
What is read before a build can wait, mkdocs.yml and this package, may have changed when the wait is over: then it does not begin.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from macros import files
from macros.faults import Fault, SourceError, not_utf8

Stamps = dict[str, tuple[int, int]]
"""Time and size of files by their paths, which are many: strings, as to make a Path of each takes longer than to ask for both."""

_log = logging.getLogger("mkdocs.plugins.macros.undisturbed")


class Build:
    """What is known of the build that runs in this process. Where no command was told, none is watched."""

    def __init__(self) -> None:
        self._command: str | None = None
        self._lock: IO[str] | None = None
        self._read: tuple[Path, ...] = ()
        self._when_read: Stamps = {}
        self._sources: tuple[Path, ...] = ()
        self._before: Stamps = {}

    def is_of(self, command: str, read: Iterable[Path] = ()) -> None:
        """Take note of the command: "build", "serve", "prepare". From now on builds are watched.

        `read` are files and folders of which this process goes on with what it has read of them by now.
        """
        self._command = command
        self._read = tuple(read)
        self._when_read = _stamps(self._read)

    @property
    def is_watched(self) -> bool:
        return self._command is not None

    def begin(self, lock: Path, sources: Iterable[Path]) -> None:
        """Wait until no other build has the lock, then note how the files in the folders are.

        Raises SourceError for what has changed since it was read, and OSError.
        """
        if not self.is_watched:
            return
        self.leave()
        self._lock = _locked(lock)
        if self._command != "serve":
            _tell_of_changes(self._when_read, _stamps(self._read))
        self._sources = tuple(sources)
        for folder in self._sources:
            files.sweep(folder)
        self._before = _stamps(self._sources) | self._when_read

    def undecodable(self) -> list[Fault]:
        """The sources that are text and not UTF-8, of which whoever reads them tells neither file nor line."""
        return [fault for path in sorted(_stamps(self._sources)) if (fault := not_utf8(Path(path)))]

    def end(self) -> bool:
        """Let the next build begin, and say whether the sources are what they were. Raises SourceError for what has been edited,
        added, renamed or deleted meanwhile, but to a server, which builds again; and OSError."""
        if not self._lock:
            return False
        try:
            before, after = self._before, _stamps((*self._sources, *self._read))
        finally:
            self.leave()
        if self._command == "serve":
            return not _changes(before, after)
        _tell_of_changes(before, after)
        return True

    def leave(self) -> None:
        """Let the next build begin, whatever has become of this one. A process that ends does so by itself."""
        if self._lock:
            self._lock.close()
        self._lock, self._sources, self._before = None, (), {}


BUILD = Build()
"""That of this process."""


def _locked(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        _log.info(
            "Another build of this checkout runs (process %s): waiting until it is done.", lock.read().strip()
        )
        fcntl.flock(lock, fcntl.LOCK_EX)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _tell_of_changes(before: Stamps, after: Stamps) -> None:
    """Raise SourceError for what is not as it was."""
    if changed := _changes(before, after):
        mend = "leave it alone until the site is built, and build again"
        raise SourceError(
            Fault(path, None, "was changed while the site was built from it", mend) for path in changed
        )


def _changes(before: Stamps, after: Stamps) -> list[Path]:
    """What is not as it was, but for what the build itself writes and removes, which is known by now."""
    changed = [Path(path) for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    return [path for path in changed if not files.is_written(path)]


def _stamps(sources: Iterable[Path]) -> Stamps:
    """Time and size of every source: a file, or those below a folder."""
    found: Stamps = {}
    for source in sources:
        if source.is_file():
            stat = source.stat()
            found[str(source)] = stat.st_mtime_ns, stat.st_size
        found |= {path: (time, size) for path, time, size in files.stats(source)}
    return found
