"""What the figures modules of the examples return, each call made once as long as its example does not change.

The pages, and the files that hold the same text in other forms, ask for the same figures; some take seconds. A figure depends on
nothing but its own example's files and on what runs them (tests/macros/test_figures.py holds the examples to that), so it is kept
by content in `.cache/figures`, a file for each example.
"""

from __future__ import annotations

import importlib
import json
import platform
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from macros import store
from macros.places import CACHE, ROOT

PACKAGE = "examples"
CACHE_DIR = CACHE / "figures"


class Figures:
    """Calls functions of `examples.<package>.figures` and remembers what they returned. They have no side effects.

    `cache` is a folder in which that is kept for other builds; without it, it is remembered only.
    """

    def __init__(self, cache: Path | None = None) -> None:
        # An edited example has to show while the site is being served.
        for name in [name for name in sys.modules if name.startswith(f"{PACKAGE}.")]:
            del sys.modules[name]
        self._cache = cache
        self._known: dict[str, dict[str, Any]] = {}
        self._keys: dict[str, str] = {}
        self._grown: set[str] = set()

    def call(self, package: str, name: str, arguments: Mapping[str, Any]) -> Any:
        """What the function `name` returns. Raises LookupError where there is none, and whatever it raises."""
        known, call = self._of(package), repr((name, sorted(arguments.items())))
        if call not in known:
            module = importlib.import_module(f"{PACKAGE}.{package}.figures")
            if not hasattr(module, name):
                raise LookupError(f"{module.__file__} has no such function")
            known[call] = getattr(module, name)(**arguments)
            self._grown.add(package)
        return known[call]

    def key(self, package: str) -> str:
        """A key of all that the example's figures depend on, and all else of it that a page prints."""
        if package not in self._keys:
            self._keys[package] = _key(package)
        return self._keys[package]

    def keep(self) -> None:
        """Keep what has been returned by now, of each example whose files are still what they were."""
        for package in sorted(self._grown if self._cache else ()):
            if self.key(package) == _key(package):
                plain = {call: result for call, result in self._known[package].items() if _is_plain(result)}
                store.write(self._path(package), self.key(package), json.dumps(plain).encode())
        self._grown.clear()

    def _of(self, package: str) -> dict[str, Any]:
        """What is known of the example, by call."""
        if package not in self._known:
            found = None
            if self._cache:
                found = store.read(self._path(package), self.key(package))
            self._known[package] = json.loads(found) if found else {}
        return self._known[package]

    def _path(self, package: str) -> Path:
        assert self._cache
        return self._cache / f"{package}.json"


_last: dict[int, Figures] = {}


def figures_of(fingerprint: int) -> Figures:
    """The figures of examples with that fingerprint: those of the last build where it is the same."""
    if fingerprint not in _last:
        made = Figures(CACHE_DIR)
        _last.clear()
        _last[fingerprint] = made
    return _last[fingerprint]


def keep() -> None:
    """Keep what has been asked of the last figures by now."""
    for figures in _last.values():
        figures.keep()


def _is_plain(value: Any) -> bool:
    """Whether JSON gives back exactly what it was given: a tuple would become a list, a key a string."""
    if type(value) is dict:
        return all(type(key) is str and _is_plain(item) for key, item in value.items())
    if type(value) is list:
        return all(map(_is_plain, value))
    return value is None or type(value) in (str, int, float, bool)


def _key(package: str) -> str:
    """Content hash of all that the example's figures depend on."""
    folder = ROOT / PACKAGE / package
    texts = [(file.relative_to(folder).as_posix(), store.digest_of(file)) for file in _files(folder)]
    return store.key_of([_runners(), package, texts])


def _files(folder: Path) -> Iterator[Path]:
    return (
        file for file in sorted(folder.rglob("*")) if file.is_file() and file.parent.name != "__pycache__"
    )


@lru_cache(maxsize=1)
def _runners() -> list[str]:
    """What runs the examples: Python, its database, the machine's arithmetic, every installed package; and how results are kept."""
    return [
        sys.version,
        sqlite3.sqlite_version,
        platform.machine(),
        *store.installed(),
        store.text_of(Path(__file__)),
    ]
