"""What a recognizer finds, and how findings that collide become one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What may be found, the strongest evidence first: collisions take the stronger name."""

    STAND_IN = "STAND_IN"
    CARD = "CARD"
    SSN = "SSN"
    ITIN = "ITIN"
    EMAIL = "EMAIL"
    NAME = "NAME"


RANK = {kind: rank for rank, kind in enumerate(Kind)}


@dataclass(frozen=True)
class Span:
    """Characters ``[start, end)`` of a text, in code points, and what they are."""

    start: int
    end: int
    kind: Kind


class Piece(NamedTuple):
    """A part of a text in order; ``kind`` is None for what is left as it is."""

    text: str
    kind: Kind | None


# --8<-- [start:resolve]
def resolve(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order that do not overlap and together cover every character that any of ``spans`` covers.

    Spans that share a character become their hull, named after the stronger kind; spans that only touch stay two.
    """
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if merged and span.start < merged[-1].end:
            last = merged.pop()
            kind = min(last.kind, span.kind, key=RANK.__getitem__)
            merged.append(Span(last.start, max(last.end, span.end), kind))
        else:
            merged.append(span)
    return merged


def pieces(text: str, spans: Sequence[Span], start: int = 0, end: int | None = None) -> list[Piece]:
    """Cut ``text[start:end]`` at ``spans``, which are resolved and lie inside. The texts add up to what was cut."""
    end = len(text) if end is None else end
    cut: list[Piece] = []
    for span in spans:
        cut += [Piece(text[start : span.start], None), Piece(text[span.start : span.end], span.kind)]
        start = span.end
    return [piece for piece in [*cut, Piece(text[start:end], None)] if piece.text]


# --8<-- [end:resolve]
