"""Windows over a long text for a model that reads a limited number of tokens, and whose finding counts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence


def windows(tokens: int, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Yield ``[start, end)`` in tokens: ``size`` long, the last one shorter, each overlapping the one before."""
    if not 0 <= overlap < size:
        raise ValueError("the overlap is smaller than the window")
    start = 0
    while True:
        end = min(start + size, tokens)
        yield start, end
        if end == tokens:
            return
        start += size - overlap


# --8<-- [start:windows]
class Windowed:
    """A model with a limit, over texts of any length. ``tokens`` is the model's own tokenizer: by another one's count
    a window may be longer than the model reads, and it drops the rest in silence.

    A name counts if it begins in the part that its window owns, up to the middle of each overlap: once, and by the
    window that sees at least half an overlap on either side of where it begins.
    """

    def __init__(
        self,
        names: Callable[[str], Sequence[tuple[int, int]]],
        tokens: Callable[[str], Sequence[tuple[int, int]]],
        size: int = 512,
        overlap: int = 64,
    ) -> None:
        self._names, self._tokens, self._size, self._overlap = names, tokens, size, overlap

    def names(self, text: str) -> list[tuple[int, int]]:
        offsets = self._tokens(text)
        found = []
        for start, end in windows(len(offsets), self._size, self._overlap):
            if start == end:
                return []
            half = self._overlap // 2
            left, right = offsets[start][0], offsets[end - 1][1]
            owned_from = offsets[start + half][0] if start else 0
            owned_to = offsets[end - (self._overlap - half)][0] if end < len(offsets) else len(text)
            found += [
                (left + first, left + last)
                for first, last in self._names(text[left:right])
                if owned_from <= left + first < owned_to
            ]
        return found


# --8<-- [end:windows]
