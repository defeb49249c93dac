"""Finds what is to be redacted in a complete text. Pure, given the recognizers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from examples.pii_redaction.fold import OPAQUE, Folded, fold
from examples.pii_redaction.names import NameModel
from examples.pii_redaction.patterns import STAND_IN, Recognizer
from examples.pii_redaction.spans import Kind, Span, resolve


# --8<-- [start:scan]
@dataclass(frozen=True)
class Scanner:
    """Patterns first, then names in what the patterns left over; the spans come back in the text's own offsets."""

    patterns: Sequence[Recognizer]
    model: NameModel

    def scan(self, text: str) -> list[Span]:
        marks = stand_ins(text)
        folded = fold(text, [(mark.start, mark.end) for mark in marks])
        strong = resolve(span for pattern in self.patterns for span in pattern.find(folded.text))
        names = self.model.names(blank(folded.text, strong))
        found = [*strong, *(Span(start, end, Kind.NAME) for start, end in names if start < end)]
        return resolve([*marks, *in_original(folded, found)])


def blank(text: str, spans: Sequence[Span]) -> str:
    """Return ``text`` with the spans' characters made opaque: no name begins in an address or goes on into one."""
    for span in spans:
        text = text[: span.start] + OPAQUE * (span.end - span.start) + text[span.end :]
    return text


# --8<-- [end:scan]
def stand_ins(text: str) -> list[Span]:
    """Return what is written like one of our own stand-ins, in the original's characters, which are ASCII."""
    return [Span(match.start(), match.end(), Kind.STAND_IN) for match in STAND_IN.finditer(text)]


def in_original(folded: Folded, spans: Sequence[Span]) -> list[Span]:
    return [Span(*folded.back(span.start, span.end), span.kind) for span in spans]
