"""The same done to many things, on all cores of the machine."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MANY = 40
"""To start other processes takes as long as some of the work, and fewer things are done by then."""


def on_all(make: Callable[[T], R], things: Sequence[T]) -> Iterator[R]:
    """What `make`, a function of a module's, gives for each, in order. Raises whatever it raises."""
    if len(things) < MANY:
        yield from map(make, things)
        return
    # spawn, because a process that has drawn something would be copied with the locks of what draws.
    with ProcessPoolExecutor(
        mp_context=multiprocessing.get_context("spawn"), initializer=end_with_parent
    ) as pool:
        yield from pool.map(make, things, chunksize=4)


def end_with_parent() -> None:
    """Have a worker end when the build that it works for is killed: by itself it would wait for more work forever."""
    if parent := multiprocessing.parent_process():

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
