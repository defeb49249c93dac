"""Results that are kept for the next build under a key of all that they were made of: an entry of another key is none."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from macros import files
from macros.places import CACHE

CACHE_DIR = CACHE


def key_of(facts: Iterable[object]) -> str:
    """A key of facts that JSON can say."""
    return hashlib.sha256(json.dumps(list(facts)).encode()).hexdigest()


def digest_of(file: Path) -> str:
    """A hash of the file's content. Raises OSError."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@lru_cache(maxsize=8)
def text_of(place: Path) -> str:
    """A hash of a module, or of all below a folder, which stands for their version: no constant to forget when they change."""
    modules = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return hashlib.sha256(b"\0".join(module.read_bytes() for module in modules)).hexdigest()


@lru_cache(maxsize=8)
def versions(*distributions: str) -> tuple[str, ...]:
    """Those of installed distributions."""
    return tuple(map(metadata.version, distributions))


@lru_cache(maxsize=1)
def installed() -> tuple[str, ...]:
    """Names and versions of all installed distributions."""
    return tuple(sorted({info.name for folder in sys.path for info in Path(folder).glob("*.dist-info")}))


def makers(*distributions: str) -> list[object]:
    """All that makes a result whose making is spread over `macros`: Python, this package, and the distributions beside them."""
    return [sys.version, text_of(Path(__file__).parent), versions(*distributions)]


def read(path: Path, key: str) -> bytes | None:
    """The entry of that key; None where there is none."""
    found, _, data = (files.kept(path) or b"").partition(b"\n")
    return data if found == key.encode() else None


def write(path: Path, key: str, data: bytes) -> None:
    """Keep the entry in the place of the one before."""
    files.keep(path, key.encode() + b"\n" + data)


class Many:
    """Results of JSON's types that are too small for a file each, in one file of the cache, by what each is made of.

    A build that has asked for some keeps these, and leaves out what nothing has asked for since the file was read.
    """

    def __init__(self, name: str, *distributions: str) -> None:
        """The results are made by `macros` and, with it, by these distributions."""
        self._name = name
        self._distributions = distributions
        self._found: dict[str, Any] | None = None
        self._asked: dict[str, Any] = {}

    def get(self, facts: str, make: Callable[[], Any]) -> Any:
        """The result that `make` gives for these facts."""
        name = hashlib.sha256(facts.encode()).hexdigest()
        if name not in self._asked:
            if self._found is None:
                data = read(self._path, self._key)
                self._found = json.loads(data) if data else {}
            self._asked[name] = self._found[name] if name in self._found else make()
        return self._asked[name]

    def keep(self, others: bool = False) -> None:
        """Keep what has been asked for, if that is not what is kept; with the others, as where another process asks for them."""
        if self._found is None:
            return
        kept = self._found | self._asked if others else self._asked
        if kept.keys() != self._found.keys():
            write(self._path, self._key, json.dumps(kept, ensure_ascii=False).encode())
            self._found = kept.copy()

    @property
    def _path(self) -> Path:
        return CACHE_DIR / self._name

    @property
    def _key(self) -> str:
        return key_of([makers(*self._distributions)])
