"""What was made last, kept for as long as it depends on the same.

Zensical executes the package's `__init__.py` again for every page, and with it whatever that module remembers; this one is
imported once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

_kept: dict[Hashable, Any] = {}


class Parts:
    """What was made of the parts of something, kept for as long as all but the parts themselves is the same."""

    def __init__(self) -> None:
        self._facts: object = None
        self._known: dict[Hashable, Any] = {}

    def under(self, facts: object) -> dict[Hashable, Any]:
        """What is known by part under these facts, to be added to; under others than those of the last call, nothing."""
        if self._facts != facts:
            self._facts, self._known = facts, {}
        return self._known


TEXTS = Parts()
"""The plain texts of pages."""


def latest(key: Hashable, make: Callable[[], T]) -> T:
    """What `make` returned when it was last called for this key. Of another key nothing is kept: builds are large."""
    if key not in _kept:
        # Made before the old is dropped: when it fails, nothing has changed.
        made = make()
        _kept.clear()
        _kept[key] = made
    found: T = _kept[key]
    return found
