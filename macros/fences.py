"""Markdown line by line: which lines are of a fenced listing, whose number signs are no headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})(.*)$")
"""Indentation, marks, and what follows them."""
HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$")
"""An ATX heading: its marks, and its text."""


def lines_of(markdown: str) -> Iterator[tuple[str, bool]]:
    """Every line, and whether it belongs to a fenced listing, its fences included."""
    fence = ""
    for line in markdown.split("\n"):
        if fence:
            yield line, True
            if _may_fence(line) and closes(fence, line):
                fence = ""
        elif _may_fence(line) and FENCE.match(line):
            fence = line
            yield line, True
        else:
            yield line, False


def closes(opening: str, line: str) -> bool:
    """Whether a line ends the listing that another opened: by the same marks, as superfences has it, and nothing after them."""
    begun, mark = FENCE.match(opening), FENCE.match(line)
    return bool(begun and mark and mark[2] == begun[2] and not mark[3].strip())


def _may_fence(line: str) -> bool:
    """What most lines fail, in a fraction of the time that it takes to read one as a fence."""
    return "```" in line or "~~~" in line


# Lines that may be a fence or a heading, of a page's thousand.
_MARKED = re.compile(r"^(?:[^\S\n]*(?:```|~~~)|#{1,6}[^\S\n]).*$", re.MULTILINE)


# Asked for again by a server after each edit of another page.
@lru_cache(maxsize=4096)
def headings_of(markdown: str, first_line: int = 1) -> tuple[tuple[int, str, int], ...]:
    """Level, text and line of every heading. `first_line` is the number of the text's first line."""
    found = []
    fence, number, at = "", first_line, 0
    for marked in _MARKED.finditer(markdown):
        line = marked[0]
        if fence:
            if closes(fence, line):
                fence = ""
        elif FENCE.match(line):
            fence = line
        elif heading := HEADING.match(line):
            # Counted on from the last heading.
            number, at = number + markdown.count("\n", at, marked.start()), marked.start()
            found.append((len(heading[1]), heading[2], number))
    return tuple(found)
