"""Where a build has to convert many pages, the machine's other cores do some of them ahead of it.

A copy of the build's process begins at the last page, while the build itself begins at the first. What the copy makes of a page it
puts into the cache (kept.py) and nowhere else, and nobody hears it: the build comes to the same page, takes it from there, and where
there is nothing, because the page has a fault that is to be told, converts it as ever. So whatever becomes of a copy, the site is
the same, and only later.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

MANY = 16
"""Fewer pages are not worth a copy of the process."""
SIGN = 4
"""So many pages that had to be converted are the sign that more will have to."""


class Ahead:
    """The copies of the build's process, which wait until they are needed."""

    def __init__(self) -> None:
        self.is_alone = sys.platform != "darwin"
        """Whether no thread works beside the build, as a server's do: a lock that it holds would stay locked in a copy. Libraries of
        macOS have such threads anywhere."""
        self._copies: list[int] = []
        self._told: list[int] = []
        """Of each copy, where it is told to work: by a byte. That nobody can tell it anything any more is its sign to end."""
        self._missed = 0

    def begin(self, pages: Sequence[T], convert: Callable[[T], Any], cores: int | None = None) -> None:
        """Have copies ready that `convert` the pages, in the order in which the build will. Does nothing where that could not go well."""
        self.end()
        self._missed = 0
        count = min((cores or _cores()) - 1, len(pages) // MANY)
        if count < 1 or not self.is_alone:
            return
        for at in range(count):
            heard, told = os.pipe()
            copy = os.fork()
            if copy == 0:
                for own in (*self._told, told):
                    os.close(own)
                _work(heard, pages[::-1][at::count], convert)
            os.close(heard)
            self._copies.append(copy)
            self._told.append(told)

    def missed(self) -> None:
        """Take note that a page had to be converted."""
        self._missed += 1
        if self._missed == SIGN:
            for told in self._told:
                with suppress(BrokenPipeError):
                    os.write(told, b".")

    def rest(self) -> None:
        """Have the copies end after the page that they are at."""
        for told in self._told:
            os.close(told)
        self._told = []

    def end(self) -> None:
        """Have no copy any more."""
        self.rest()
        for copy in self._copies:
            os.kill(copy, signal.SIGKILL)
            os.waitpid(copy, 0)
        self._copies = []


AHEAD = Ahead()
"""Those of this process."""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _work(heard: int, pages: Sequence[T], convert: Callable[[T], Any]) -> None:
    """What a copy does, and all that it does: once it is told to, convert pages, until nobody is there to tell it anything."""
    try:
        if os.read(heard, 1):
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            for page in pages:
                if select.select([heard], [], [], 0)[0]:
                    break
                try:
                    convert(page)
                except (Exception, SystemExit):
                    # The build will meet the same fault, and tell of it.
                    continue
    finally:
        os._exit(0)
