"""The same done to many things, on all cores of the machine."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MANY = 40
"""To start other processes takes as long as some of the work, and fewer things are done by then."""


def on_all(make: Callable[[T], R], things: Sequence[T], many: int | None = None) -> Iterator[R]:
    """What `make`, a function of a module's, gives for each, in order: by other processes from `many` things on.

    Raises whatever `make` raises. A machine too short of memory for its processes is slower, but done.
    """
    workers = min(len(things), os.cpu_count() or 1)
    done = 0
    if workers > 1 and len(things) >= (many or MANY):
        # spawn, because a process that has drawn something would be copied with the locks of what draws.
        context = multiprocessing.get_context("spawn")
        try:
            with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent) as pool:
                for result in pool.map(make, things):
                    yield result
                    done += 1
        except BrokenProcessPool:
            pass
    yield from map(make, things[done:])


def end_with_parent() -> None:
    """Have a worker end when the build that it works for is killed: by itself it would wait for more work forever."""
    if parent := multiprocessing.parent_process():

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
