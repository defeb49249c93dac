"""Precision and recall by exact span, with intervals. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from examples.pii_redaction.corpus import Message
from examples.pii_redaction.spans import Kind, Span

Z95 = 1.959964
"""The normal quantile of a two-sided 95% interval."""


def wilson(hits: int, of: int, z: float = Z95) -> tuple[float, float]:
    """Return Wilson's score interval for a share (Wilson, 1927); (0, 1) for a sample of none."""
    if not of:
        return 0.0, 1.0
    share, z2 = hits / of, z * z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass
class Score:
    """Counts of exact spans of one kind, and the texts of what went wrong."""

    hits: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    leaked: int = 0
    """Of the missed ones, those of which some letter or digit was left in the text; the others had another border."""

    @property
    def labeled(self) -> int:
        return self.hits + len(self.missed)

    @property
    def found(self) -> int:
        return self.hits + len(self.wrong)

    @property
    def recall(self) -> float:
        return self.hits / self.labeled if self.labeled else 0.0

    @property
    def precision(self) -> float:
        return self.hits / self.found if self.found else 0.0


def score(messages: Iterable[Message], scan: Callable[[Message], Sequence[Span]]) -> dict[Kind, Score]:
    """Compare what ``scan`` finds in each message with its labels."""
    scores: dict[Kind, Score] = {kind: Score() for kind in Kind if kind is not Kind.STAND_IN}
    for message in messages:
        found = list(scan(message))
        covered = {at for span in found for at in range(span.start, span.end)}
        for span in message.spans:
            if span in found:
                scores[span.kind].hits += 1
                continue
            scores[span.kind].missed.append(_shown(message.text, span))
            scores[span.kind].leaked += any(
                message.text[at].isalnum() for at in range(span.start, span.end) if at not in covered
            )
        for span in found:
            if span not in message.spans:
                scores[span.kind].wrong.append(_shown(message.text, span))
    return scores


def commonest(errors: Sequence[str], most: int) -> list[tuple[str, int]]:
    return Counter(errors).most_common(most)


def _shown(text: str, span: Span, around: int = 18) -> str:
    """Return a span in brackets with some text around it, on one line."""
    before, after = text[max(0, span.start - around) : span.start], text[span.end : span.end + around]
    return f"{before}[{text[span.start : span.end]}]{after}".replace("\n", " / ").strip()
