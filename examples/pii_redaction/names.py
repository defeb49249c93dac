"""Names, behind an interface that a real engine fits: a small tagger of our own, and the loading of a spaCy pipeline.

The tagger is an averaged perceptron over one word and its neighbors, trained by ``train.py`` on generated messages.
It needs no download and looks one word ahead, so that it can follow a stream. It is no match for a transformer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple, Protocol

from examples.pii_redaction.spans import Kind, Span

if TYPE_CHECKING:
    from pathlib import Path

    from spacy.language import Language


# --8<-- [start:protocol]
class NameModel(Protocol):
    """Any engine that finds the names of people in a text. Offsets are code points of the text it was given."""

    def names(self, text: str) -> list[tuple[int, int]]: ...


class SpacyNames:
    """A spaCy pipeline's PERSON entities, for texts that are complete."""

    def __init__(self, nlp: Language, labels: Sequence[str] = ("PERSON", "PER")) -> None:
        self._nlp, self._labels = nlp, frozenset(labels)

    @classmethod
    def load(cls, name_or_path: str | Path) -> SpacyNames:
        """Load a package's or a folder's pipeline. Raises OSError if there is none, ValueError if it finds no names."""
        import spacy  # here, since it takes about a second and only the scan service needs it

        nlp = spacy.load(name_or_path)
        if not nlp.pipe_labels.get("ner") and not nlp.pipe_labels.get("entity_ruler"):
            raise ValueError(f"the pipeline {name_or_path} has no entity recognizer with labels")
        return cls(nlp)

    def names(self, text: str) -> list[tuple[int, int]]:
        return [(e.start_char, e.end_char) for e in self._nlp(text).ents if e.label_ in self._labels]


# --8<-- [end:protocol]

LONGEST_WORD = 32
"""Characters; a longer word is no name, and counts as one thing whatever is in it."""
WIDEST_GAP = 8
"""Blanks between two words of one sentence; words farther apart, or on two lines, are no neighbors."""
MOST_WORDS = 5
"""Words of one name; a longer row of them is cut."""
_WORD = re.compile(r"(?<![^\W_])[^\W\d_]\.|[^\W_]+(?:['-](?!s\b)[^\W_]+)*|\S")
EDGE, _LONG = "<s>", "<long>"


class Word(NamedTuple):
    start: int
    end: int
    text: str
    joined: bool
    """Whether it follows the word before it closely enough to be its neighbor."""


def words(text: str, start: int = 0) -> Iterator[Word]:
    """Cut a text into words and single signs."""
    end = 0
    for match in _WORD.finditer(text, start):
        gap = text[end : match.start()]
        joined = end > 0 and not _is_apart(gap)
        end = match.end()
        yield Word(match.start(), end, match[0] if end - match.start() <= LONGEST_WORD else _LONG, joined)


def shape(word: str) -> str:
    """Return the word's outline: Xx, xx, XX, X, d, a sign as it is, ? for scripts without case."""
    if word[0].isdigit():
        return "d"
    if not word[0].isalpha():
        return word
    if word.lower() == word.upper():
        return "?"
    if word.islower():
        return "xx"
    return ("X" if len(word) == 1 else "XX") if word.isupper() else "Xx"


def features(before: str, word: str, after: str, lists: Mapping[str, str]) -> list[str]:
    """Return what the tagger sees of a word: itself, its ending, and its outline with that of one word on either side.

    ``lists`` says of a word in lower case whether it is a name ("+"), of a place or company ("~"), or frequent ("=").
    """
    low, left_low, right_low = word.lower(), before.lower(), after.lower()
    here = shape(word) + lists.get(low, "-")
    left = shape(before) + lists.get(left_low, "-")
    right = shape(after) + lists.get(right_low, "-")
    return [
        "bias",
        f"s={here}",
        f"bs={left} {here}",
        f"as={here} {right}",
        f"bas={left} {here} {right}",
        f"w={low}",
        f"e={low[-3:]}",
        f"b={left_low}",
        f"a={right_low}",
        f"bw={left_low} {here}",
        f"aw={here} {right_low}",
    ]


def seen_at(row: Sequence[Word], i: int, lists: Mapping[str, str]) -> list[str]:
    """Return the features of word ``i`` of ``row``; none for what does not begin with a letter."""
    word = row[i]
    if not _may_be_name(word):
        return []
    before = row[i - 1].text if word.joined else EDGE
    after = row[i + 1].text if i + 1 < len(row) and row[i + 1].joined else EDGE
    return features(before, word.text, after, lists)


class LocalTagger:
    """Names by words that each are judged with one neighbor on either side. Both a NameModel and a Recognizer."""

    def __init__(self, weights: Mapping[str, float], lists: Mapping[str, str]) -> None:
        self._weights, self._lists = weights, lists

    def names(self, text: str) -> list[tuple[int, int]]:
        return [(span.start, span.end) for span in self.find(text)]

    # --8<-- [start:tagger]
    def find(self, text: str, since: int = 0) -> list[Span]:
        return self._find(list(words(text, _context(since))), since)

    def open_from(self, text: str, since: int = 0) -> int:
        row = list(words(text, _context(since)))
        undecided, first, next_grows = len(text), len(row), False
        for i in range(len(row) - 1, max(-1, len(row) - 4), -1):
            grows = not _is_complete(text, row[i])
            last = i + 1 == len(row)
            waits = not _is_apart(text[row[i].end :]) if last else row[i + 1].joined and next_grows
            if row[i].start >= since and _may_be_name(row[i]) and (grows or waits):
                undecided, first = row[i].start, i
            next_grows = grows
        for span in self._find(row, since) if first < len(row) and row[first].joined else ():
            if span.start < undecided and span.end >= row[first - 1].end:
                undecided = span.start  # the name before it may go on
        return undecided

    def _find(self, row: Sequence[Word], since: int) -> list[Span]:
        spans: list[Span] = []
        length = 0
        for i, word in enumerate(row):
            if word.start < since or not self._is_name(row, i):
                length = 0
            elif word.joined and 0 < length < MOST_WORDS:
                spans[-1] = Span(spans[-1].start, word.end, Kind.NAME)
                length += 1
            else:
                spans.append(Span(word.start, word.end, Kind.NAME))
                length = 1
        return spans

    def _is_name(self, row: Sequence[Word], i: int) -> bool:
        seen = seen_at(row, i, self._lists)
        return sum(self._weights.get(feature, 0.0) for feature in seen) > 0

    # --8<-- [end:tagger]


def _context(since: int) -> int:
    """Return where to begin reading, so that the word before ``since`` is seen, whole or as a long one."""
    return max(0, since - LONGEST_WORD - WIDEST_GAP - 2)


def _is_apart(gap: str) -> bool:
    return len(gap) > WIDEST_GAP or "\n" in gap


def _may_be_name(word: Word) -> bool:
    return word.text[0].isalpha()  # which a long word, written as <long>, is not


def _is_complete(text: str, word: Word) -> bool:
    """Return whether the word ends where it does whatever follows the text."""
    end = word.end
    return word.text == _LONG or end + 3 <= len(text) or (end < len(text) and text[end] not in "'-")


@cache
def trained() -> LocalTagger:
    """Return the tagger with the weights that ``train.py`` wrote beside this module."""
    data = json.loads(files(__package__).joinpath("names.json").read_text(encoding="utf-8"))
    return LocalTagger(data["weights"], data["lists"])
