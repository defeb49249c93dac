"""A text as the recognizers read it, and the way back to the characters that were typed. Pure.

NFKC and case folding change the length of a text, and NFKC composes characters across a chunk's edge. So each code
point is folded by itself: compatibility decomposition (NFKD), then marks and invisible characters are left out. That
gives the same result wherever a stream is cut.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

MOST_IGNORED = 30
"""Marks and invisible characters in a row that are left out; the bound of Unicode's stream-safe text format (UAX #15)."""
BREAK = "\ufffd"
OPAQUE = "\ufffc"


@dataclass(frozen=True)
class Folded:
    """A folded text; its character ``i`` was made of ``original[starts[i]:ends[i]]``, marks that follow included."""

    text: str
    starts: list[int] | range
    ends: list[int] | range

    def back(self, start: int, end: int) -> tuple[int, int]:
        """Return the original's range of a range of the folded text that is not empty."""
        return self.starts[start], self.ends[end - 1]


# --8<-- [start:fold]
@lru_cache(maxsize=4096)
def fold_character(character: str) -> str:
    """Return what one code point reads as: ASCII digits, hyphens and spaces, bare letters; "" for marks and invisibles."""
    folded = ""
    for part in unicodedata.normalize("NFKD", character):
        category = unicodedata.category(part)
        if category in ("Mn", "Me", "Cf"):
            continue
        digit = unicodedata.decimal(part, None)
        if digit is not None:
            part = str(digit)
        elif category == "Pd" or part == "\N{MINUS SIGN}":
            part = "-"
        elif part in "\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}":
            part = "'"
        folded += part
    return folded


def fold(text: str, opaque: Iterable[tuple[int, int]] = ()) -> Folded:
    """Fold ``text`` and remember where each character came from. ``opaque`` ranges are read as one symbol a character."""
    hidden = {at for start, end in opaque for at in range(start, end)}
    if text.isascii() and not hidden:
        return Folded(text, range(len(text)), range(1, len(text) + 1))
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    ignored = 0
    for at, character in enumerate(text):
        folded = OPAQUE if at in hidden else fold_character(character)
        if not folded and ignored < MOST_IGNORED and out:
            ignored += 1
            for i in range(len(ends) - 1, -1, -1):  # what is left out belongs to the character before it
                if starts[i] != starts[-1]:
                    break
                ends[i] = at + 1
            continue
        if folded:
            ignored = 0
        out += folded or BREAK
        starts += [at] * len(folded or BREAK)
        ends += [at + 1] * len(folded or BREAK)
    return Folded("".join(out), starts, ends)


# --8<-- [end:fold]
