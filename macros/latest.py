"""What was made last, kept for as long as it depends on the same.

Zensical executes the package's `__init__.py` again for every page, and with it whatever that module remembers; this one is
imported once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

_kept: dict[Hashable, Any] = {}


def latest(key: Hashable, make: Callable[[], T]) -> T:
    """What `make` returned when it was last called for this key. Of another key nothing is kept: builds are large."""
    if key not in _kept:
        # Made before the old is dropped: when it fails, nothing has changed.
        made = make()
        _kept.clear()
        _kept[key] = made
    found: T = _kept[key]
    return found
