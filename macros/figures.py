"""What the figures modules of the examples return, each call made once as long as no example changes.

The pages, and the files that hold the same text in other forms, ask for the same figures; some take a second. So does a server's
next build, after an edit of prose.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

PACKAGE = "examples"


class Figures:
    """Calls functions of `examples.<package>.figures` and remembers what they returned. They have no side effects."""

    def __init__(self) -> None:
        # An edited example has to show while the site is being served.
        for name in [name for name in sys.modules if name.startswith(f"{PACKAGE}.")]:
            del sys.modules[name]
        self._known: dict[tuple[str, str, str], Any] = {}

    def call(self, package: str, name: str, arguments: Mapping[str, Any]) -> Any:
        """What the function `name` returns. Raises LookupError where there is none, and whatever it raises."""
        key = (package, name, repr(sorted(arguments.items())))
        if key not in self._known:
            module = importlib.import_module(f"{PACKAGE}.{package}.figures")
            if not hasattr(module, name):
                raise LookupError(f"{module.__file__} has no such function")
            self._known[key] = getattr(module, name)(**arguments)
        return self._known[key]


@lru_cache(maxsize=1)
def figures_of(fingerprint: int) -> Figures:
    """The figures of examples with that fingerprint: those of the last build where it is the same."""
    return Figures()
