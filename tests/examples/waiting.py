"""Waiting for what another thread or process is about to do, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(true: Callable[[], object], timeout: float = 60.0) -> None:
    """Return once `true()` is true. Raises AssertionError if it is not in `timeout` seconds."""
    until = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)
