"""Mail addresses: which forms are accepted at all, and which stand in a text."""

from __future__ import annotations

import re

_LOCAL = r"[A-Za-z0-9](?:[A-Za-z0-9._+'-]{0,62}[A-Za-z0-9+-])?"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
_ADDRESS = re.compile(rf"{_LOCAL}@{_DOMAIN}")
# Nothing that could belong to a longer address stands before or after; a sentence's full stop may follow.
_IN_TEXT = re.compile(rf"(?<![\w.+@%/=!#$&*^{{|}}~-]){_ADDRESS.pattern}(?![\w@+%-])", re.ASCII)


class BadAddress(ValueError):
    """The text is not a bare ASCII address: a display name, a comment, a second address, a line break."""


def address(text: str) -> str:
    """Return the address in lower case, the form in which two are compared; raise BadAddress.

    Plus addressing is kept, so that ``dana+x@`` is not ``dana@``. A look-alike letter is not ASCII and fails.
    """
    if not _ADDRESS.fullmatch(text) or ".." in text or "xn--" in text.lower() or len(text) > 254:
        raise BadAddress("not a bare ASCII mail address")
    return text.lower()


def written_in(text: str) -> frozenset[str]:
    """Return the addresses that stand in a text, in lower case; none from a word with other letters in it."""
    found = set()
    for match in _IN_TEXT.finditer(text):
        around = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
        if around.isascii():
            try:
                found.add(address(match[0]))
            except BadAddress:
                continue
    return frozenset(found)
