"""Payment card numbers: a form, a first digit and a check digit. Pure."""

from __future__ import annotations

import re

from examples.pii_redaction.spans import Kind, Span

LONGEST_CARD = 19
"""Digits (ISO/IEC 7812-1); separators come on top."""


# --8<-- [start:cards]
_CARD = re.compile(
    r"(?<!\d)[2-6](?:\d{12,18}|\d{3}([-. ])\d{4}\1\d{4}\1\d{4}|\d{3}([-. ])\d{6}\2\d{4,5})(?!\d)"
)
_OPEN_CARD = re.compile(r"(?<!\d)[2-6](?:[-. ]?\d){0,18}[-. ]?\Z")


def luhn(digits: str) -> bool:
    """Return whether the last digit fits the others: doubling every second one from the right, the digits add up to tens."""
    single, double = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, single)) + sum(sum(divmod(2 * int(d), 10)) for d in double)) % 10 == 0


class Cards:
    """Numbers of 13 to 19 digits in one piece, or 16, 15 or 14 in the groups that are printed on cards."""

    def find(self, text: str, since: int = 0) -> list[Span]:
        found = []
        while match := _CARD.search(text, since):
            valid = luhn("".join(filter(str.isdigit, match[0])))
            if valid:
                found.append(Span(match.start(), match.end(), Kind.CARD))
            since = match.end() if valid else match.start() + 1  # a card may begin inside what is none
        return found

    def open_from(self, text: str, since: int = 0) -> int:
        tail = _OPEN_CARD.search(text, max(since, len(text) - 2 * LONGEST_CARD))
        return tail.start() if tail else len(text)


# --8<-- [end:cards]
