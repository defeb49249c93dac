"""What takes its time. `make test` tries a part of it, so that it stays within its fifteen minutes; `make check`, which every pull
request runs, and the workflow set EVERY_PAGE and try all of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")

IS_ALL_WANTED = bool(os.environ.get("EVERY_PAGE"))

THOROUGH = pytest.mark.skipif(not IS_ALL_WANTED, reason="takes its time: make check runs it")
"""On what `make test` leaves out."""


def every(nth: int, things: Sequence[T]) -> Sequence[T]:
    """All of them where all is wanted; else the first, and from there every nth."""
    return things if IS_ALL_WANTED else things[::nth]
