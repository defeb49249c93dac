"""Results that are kept for the next build under a key of all that they were made of: an entry of another key is none."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from macros import files


def key_of(facts: Iterable[object]) -> str:
    """A key of facts that JSON can say."""
    return hashlib.sha256(json.dumps(list(facts)).encode()).hexdigest()


@lru_cache(maxsize=8)
def text_of(place: Path) -> str:
    """A hash of a module, or of all below a folder, which stands for their version: no constant to forget when they change."""
    modules = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return hashlib.sha256(b"\0".join(module.read_bytes() for module in modules)).hexdigest()


@lru_cache(maxsize=8)
def versions(*distributions: str) -> tuple[str, ...]:
    """Those of installed distributions."""
    return tuple(map(metadata.version, distributions))


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
