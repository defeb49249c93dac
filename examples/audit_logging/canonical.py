"""Canonical JSON: the subset of RFC 8785 (JCS) without fractions, and a reader that takes nothing else.

For the values admitted here, the output equals that of JCS: no white space, keys in order, the shortest escapes, UTF-8.
JCS writes numbers as IEEE 754 doubles; floats are refused, so no two libraries can disagree about one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

MAX_INT = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (I-JSON, RFC 7493)."""
MAX_DEPTH = 6
MAX_BYTES = 16_384
"""Of one event. A field that needs more belongs elsewhere, with its digest here."""

_KEY = re.compile(r"[a-z0-9_.:/-]{1,80}")


class NotCanonical(ValueError):
    """A value or a text that has no place in the log."""


def encode(value: Any, limit: int = MAX_BYTES) -> bytes:
    """Return the one text that stands for ``value``. Raises NotCanonical."""
    _check(value, 0)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    data = text.encode()
    if len(data) > limit:
        raise NotCanonical(f"{len(data)} bytes; at most {limit}")
    return data


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise NotCanonical(f"nested more than {MAX_DEPTH} deep")
    if value is None or type(value) is bool:
        return
    if type(value) is int:
        if abs(value) > MAX_INT:
            raise NotCanonical(f"{value} is beyond 2**53 - 1: other readers would round it")
    elif type(value) is str:
        if value.isascii() and value.isprintable():
            return
        hidden = [c for c in value if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
        if hidden:  # newlines, escapes, marks that reverse the reading order, lone surrogates
            raise NotCanonical(f"control or format character {hidden[0]!r}")
        if not unicodedata.is_normalized("NFC", value):
            raise NotCanonical("not in Unicode NFC: two texts would look like one")
    elif type(value) is list:
        for item in value:
            _check(item, depth + 1)
    elif type(value) is dict:
        for key, item in value.items():
            if type(key) is not str or not _KEY.fullmatch(key):
                raise NotCanonical(f"key {key!r}: use lower-case ASCII")
            _check(item, depth + 1)
    else:
        raise NotCanonical(f"a {type(value).__name__}: use integers of a smaller unit, or text")


def decode(data: bytes, limit: int = MAX_BYTES) -> Any:
    """Read a canonical text. Raises NotCanonical.

    What is read has to give the same bytes again. So a duplicate key, a fraction, an escape that nobody needs and white
    space are all refused: two readers could take such a text for two values.
    """
    if len(data) > limit:
        raise NotCanonical(f"{len(data)} bytes; at most {limit}")
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise NotCanonical(str(error)) from None
    if encode(value, limit) != data:
        raise NotCanonical("another spelling of its value")
    return value
