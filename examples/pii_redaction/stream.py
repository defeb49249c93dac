"""Finds what is to be redacted in a text that arrives in chunks, as it would be found in the whole. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from examples.pii_redaction.fold import Folded, fold
from examples.pii_redaction.names import LONGEST_WORD, MOST_WORDS, WIDEST_GAP
from examples.pii_redaction.patterns import (
    LONGEST_EMAIL,
    LONGEST_LOCAL,
    LONGEST_STAND_IN,
    Recognizer,
    open_stand_in,
)
from examples.pii_redaction.scanner import blank, in_original, stand_ins
from examples.pii_redaction.spans import Piece, Span, pieces, resolve

CONTEXT = 128
"""Folded characters kept behind what was released: more than any recognizer looks back."""
MOST_HELD = (
    LONGEST_EMAIL + LONGEST_LOCAL + (MOST_WORDS + 2) * (LONGEST_WORD + WIDEST_GAP + 1) + LONGEST_STAND_IN
)
"""The bound on what is held back, in folded characters: an address, the longest name before it, a stand-in."""


# --8<-- [start:stream]
class Stream:
    """Pieces of an answer, released once no later character can change how they read. For one answer, one thread."""

    def __init__(self, patterns: Sequence[Recognizer], tagger: Recognizer) -> None:
        self._patterns, self._tagger = patterns, tagger
        self._text, self._done = "", 0
        self._taken: list[Span] = []  # what patterns found in the context

    @property
    def held(self) -> str:
        return self._text[self._done :]

    def feed(self, chunk: str) -> list[Piece]:
        self._text += chunk
        return self._release(final=False)

    def close(self) -> list[Piece]:
        """Release the rest: the end of the answer ends whatever was open. A stalled answer has not ended."""
        return self._release(final=True)

    def _release(self, *, final: bool) -> list[Piece]:
        text, marks = self._text, stand_ins(self._text)
        folded = fold(text, [(mark.start, mark.end) for mark in marks])
        since = bisect_left(folded.starts, self._done)
        # Each layer reads what the one before it has decided: marks, then patterns, then names.
        opened = len(folded.text) if final else bisect_left(folded.starts, open_stand_in(text, self._done))
        seen = folded.text[:opened]
        strong = resolve(span for pattern in self._patterns for span in pattern.find(seen, since))
        left = blank(seen, [*self._context(folded), *strong])
        if not final:
            undecided = min((p.open_from(seen, since) for p in self._patterns), default=len(seen))
            left = left[: _before(strong, undecided)]
        names = self._tagger.find(left, since)
        undecided = len(left) if final else _before(names, self._tagger.open_from(left, since))
        found = in_original(folded, [span for span in (*strong, *names) if span.end <= undecided])
        until = len(text) if final else _offset(folded, undecided, len(text))
        ready = resolve([*(mark for mark in marks if self._done <= mark.start and mark.end <= until), *found])
        released = pieces(text, ready, self._done, until)
        self._keep(folded, until, [span for span in in_original(folded, strong) if span.end <= until])
        return released

    # --8<-- [end:stream]
    def _context(self, folded: Folded) -> list[Span]:
        starts = folded.starts
        return [Span(bisect_left(starts, s.start), bisect_left(starts, s.end), s.kind) for s in self._taken]

    def _keep(self, folded: Folded, until: int, taken: Sequence[Span]) -> None:
        """Forget what no recognizer looks back at."""
        first = bisect_left(folded.starts, until) - CONTEXT
        drop = folded.starts[first] if first > 0 else 0
        self._text, self._done = self._text[drop:], until - drop
        self._taken = [
            Span(max(0, span.start - drop), span.end - drop, span.kind)
            for span in (*self._taken, *taken)
            if span.end > drop
        ]


def _before(spans: Sequence[Span], cut: int) -> int:
    """Return the cut, or the start of the span that it would cut through."""
    return next((span.start for span in spans if span.start < cut < span.end), cut)


def _offset(folded: Folded, at: int, end: int) -> int:
    return folded.starts[at] if at < len(folded.text) else end


def joined(released: Sequence[Piece]) -> list[Piece]:
    """Return the pieces with plain ones that follow each other made one."""
    out: list[Piece] = []
    for piece in released:
        if out and piece.kind is None and out[-1].kind is None:
            out[-1] = Piece(out[-1].text + piece.text, None)
        else:
            out.append(piece)
    return out
