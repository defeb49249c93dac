"""Emails and taxpayers' numbers: patterns, what validates a match, and where a match may still be open. Pure.

Every pattern runs in time linear in the text: a repetition is bounded or cannot give back what it took, and no
repetition holds another one of the same characters. The tests count the time on hostile texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from examples.pii_redaction.spans import Kind, Span


class Recognizer(Protocol):
    """Finds one kind of value in a folded text."""

    def find(self, text: str, since: int = 0) -> list[Span]:
        """Return what begins at ``since`` or later. The text before is context: it has been decided."""
        ...

    def open_from(self, text: str, since: int = 0) -> int:
        """Return the first offset whose reading more text could still change; ``len(text)`` if there is none."""
        ...


LONGEST_EMAIL = 254
"""Characters of an address that mail can use (RFC 3696, erratum 1690)."""
LONGEST_LOCAL = 64
"""Octets before the @ (RFC 5321, section 4.5.3.1.1); counted in characters here."""
_LONGEST_DOMAIN = LONGEST_EMAIL - LONGEST_LOCAL - 1

# --8<-- [start:email]
_LOCAL_AT = re.compile(r"[\w.+%'-]{1,64}+@")
_DOMAIN = re.compile(r"(?:[\w-]{1,63}+\.){1,8}(?:xn--[a-z0-9-]{1,59}|[^\W\d_]{2,63})")
_OPEN_EMAIL = re.compile(r"[\w.+%'-]{1,64}+(?:@[\w.-]{0,189}+)?\Z")


class Emails:
    """Addresses as people type them, in any script. Left out: quoted local parts, and ``/ = ? & # !`` in them.

    Those are legal and rare, and leaving them out keeps the address in ``https://shop.example/?mail=jane@example.com``
    apart from the link. Of a longer run before the @, the last 64 characters count.
    """

    def find(self, text: str, since: int = 0) -> list[Span]:
        found = []
        while local := _LOCAL_AT.search(text, since):
            domain = _DOMAIN.match(text, local.end(), local.end() + _LONGEST_DOMAIN)
            since = domain.end() if domain else local.end()
            if domain:
                found.append(Span(local.start(), since, Kind.EMAIL))
        return found

    def open_from(self, text: str, since: int = 0) -> int:
        tail = _OPEN_EMAIL.search(text, max(since, len(text) - LONGEST_EMAIL))
        return tail.start() if tail else len(text)


# --8<-- [end:email]

CUE_BEFORE = 48
"""Characters before a number in which a word may say what it is."""
CUE_AFTER = 24
"""Characters after it: with the number and the character that ends it, what arrives in 150 ms."""

LONGEST_NINE = 9 + 2 * len(" - ")
"""Characters of a number with separators."""

ITIN_GROUPS = {*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)}
"""Fourth and fifth digits of an individual taxpayer identification number, whose first is 9."""

_OPEN_NINE = re.compile(
    r"(?<!\d)(?<!\d[-.])\d(?:\d(?:\d(?: ?[-.]? ?(?:\d(?:\d(?: ?[-.]? ?\d{0,4})?)?)?)?)?)?\Z"
)

# --8<-- [start:ssn]
_NINE = re.compile(r"(?<!\d)(?<!\d[-.])(\d{3})( ?[-.]? ?)(\d{2})( ?[-.]? ?)(\d{4})(?!\d)(?![-.]\d)")
_CUE = re.compile(
    r"\b(?:(ssn|social(?! (?:media|network))|itin|tax ?id|taxpayer)|(order|invoice|tracking|pedido))",
    re.IGNORECASE,
)


def issued(area: str, group: str, serial: str) -> bool:
    """Return whether SSA may have issued the number: all that is left to check since the randomization of June 2011."""
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def kind_of(area: str, group: str, serial: str) -> Kind | None:
    """Return which number of a taxpayer it may be: an SSN, an ITIN by its first and middle digits, or none."""
    if issued(area, group, serial):
        return Kind.SSN
    return Kind.ITIN if area[0] == "9" and int(group) in ITIN_GROUPS else None


class Ssns:
    """Social Security numbers and ITINs. There is no check digit, so words around and the tenant's orders decide.

    ``is_order`` says whether the tenant has an order of this number, or None if it could not tell in time.
    """

    def __init__(self, is_order: Callable[[str], bool | None]) -> None:
        self._is_order = is_order

    def find(self, text: str, since: int = 0) -> list[Span]:
        return [
            Span(match.start(), match.end(), kind)
            for match in _NINE.finditer(text, since)
            if (kind := kind_of(match[1], match[3], match[5])) and self._holds(kind, text, match)
        ]

    def _holds(self, kind: Kind, text: str, match: re.Match[str]) -> bool:
        if _separated(match):
            return True
        cue = _nearest_cue(text, match.start(), match.end())
        if cue == "ssn" or match[2] or match[4] or kind is Kind.ITIN:
            return cue == "ssn"  # without the word, 94105-1234 is a postal code
        known = self._is_order(match[1] + match[3] + match[5])
        return cue != "order" if known is None else not known

    # --8<-- [end:ssn]
    def open_from(self, text: str, since: int = 0) -> int:
        tail = _OPEN_NINE.search(text, max(since, len(text) - LONGEST_NINE))
        start = tail.start() if tail else len(text)
        for match in _NINE.finditer(text, since):
            if match.end() > len(text) - (2 if _separated(match) else CUE_AFTER):
                return min(start, match.start())
        return start


def _separated(match: re.Match[str]) -> bool:
    """Return whether both separators are there and the same, blanks around a hyphen or a dot apart."""
    return bool(match[2] and match[4]) and match[2].strip() == match[4].strip()


def _nearest_cue(text: str, start: int, end: int) -> str | None:
    """Return "ssn" or "order" by the word nearest to ``text[start:end]``; one before it wins over one behind it."""
    before = text[max(0, start - CUE_BEFORE) : start]
    after = text[end : end + CUE_AFTER]
    cues = list(_CUE.finditer(before))
    cue = cues[-1] if cues else _CUE.search(after)
    return None if cue is None else "ssn" if cue[1] else "order"


STAND_IN = re.compile(r"\[(EMAIL|SSN|ITIN|NAME)-([a-z2-7]{8})\]")
_OPEN_STAND_IN = re.compile(r"\[(?:[A-Z]{0,5}|(?:EMAIL|SSN|ITIN|NAME)-[a-z2-7]{0,8})\Z")
LONGEST_STAND_IN = len("[EMAIL-abcdefgh]")


def open_stand_in(text: str, since: int = 0) -> int:
    """Return where a stand-in may have begun that is not complete; ``len(text)`` if there is none."""
    tail = _OPEN_STAND_IN.search(text, max(since, len(text) - LONGEST_STAND_IN))
    return tail.start() if tail else len(text)
