"""Results that are kept for the next build under a key of all that they were made of: an entry of another key is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from macros import files


def key_of(facts: Iterable[object]) -> str:
    """A key of facts that JSON can say."""
    return hashlib.sha256(json.dumps(list(facts)).encode()).hexdigest()


@lru_cache(maxsize=1)
def this_package() -> str:
    """A hash of the text of `macros`, which stands for its version: no constant to forget when the processing changes."""
    modules = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"\0".join(module.read_bytes() for module in modules)).hexdigest()


def read(path: Path, key: str) -> bytes | None:
    """The entry of that key; None where there is none."""
    found, _, data = (files.kept(path) or b"").partition(b"\n")
    return data if found == key.encode() else None


def write(path: Path, key: str, data: bytes) -> None:
    """Keep the entry in the place of the one before."""
    files.keep(path, key.encode() + b"\n" + data)
