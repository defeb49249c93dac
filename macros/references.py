"""External links and references, read from the Markdown of pages.

The pages are the one place where a reference stands: its link, what it supports, its version, the day it was read.
What a check of its link has found is kept apart, in references/links.json (macros/links.py), and never in the prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from macros.faults import Fault

# What is no prose: a fenced listing, and a code span that shows Markdown's own marks.
_LISTING = re.compile(r"^(?P<fence>`{3,}|~{3,})[^\n]*\n.*?^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(r"(`+)(?!`)[^`\n]*\]\([^`\n]*\1")
_LINK = re.compile(
    r"\[(?P<label>(?:[^\[\]]|\[[^\[\]]*\])+)\]"
    r"\((?P<address>https?://[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)\)"
)
# The words first: a search for them passes over a page, where one for a line's beginning would try each character.
_SECTION = re.compile(r"## References\b(?<=^## References).*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"^- .*(?:\n {2,}.*)*", re.MULTILINE)
_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_READ = re.compile(r"\b[Rr]ead (?:on )?\d{4}-\d\d-\d\d\b")


class Link(NamedTuple):
    """A link to another site. `line` is 1-based, in the text that was given."""

    address: str
    label: str
    line: int


class Reference(NamedTuple):
    """An entry of a question page's list of references."""

    line: int
    links: tuple[Link, ...]
    read: tuple[date, ...]
    """The days on which it says that it was read; several, where parts of it were read again."""


class NoDay(ValueError):
    """A day that no calendar has. `line` is that of its reference."""

    def __init__(self, line: int, day: str) -> None:
        super().__init__(f"{day} is no day")
        self.line = line


def external_links(text: str) -> list[Link]:
    """Every link of a page's Markdown to another site, in order; an address that stands twice comes twice."""
    prose = _blanked(_SHOWN, _blanked(_LISTING, text))
    return [
        Link(found["address"], " ".join(found["label"].split()), prose.count("\n", 0, found.start()) + 1)
        for found in _LINK.finditer(prose)
    ]


# Asked for twice a build, and by a server again after each edit of another page.
@lru_cache(maxsize=4096)
def references_of(text: str) -> tuple[Reference, ...]:
    """The entries below `## References`. Raises NoDay."""
    found = []
    for section in _SECTION.finditer(text):
        above = text.count("\n", 0, section.start())
        links = [link._replace(line=above + link.line) for link in external_links(section[0])]
        for item in _ITEM.finditer(section[0]):
            first = above + section[0].count("\n", 0, item.start()) + 1
            last = first + item[0].count("\n")
            inside = tuple(link for link in links if first <= link.line <= last)
            # A version of a specification may be a day, too, and stand in its address.
            words = _LINK.sub(lambda link: link["label"], item[0])
            days = tuple(_day(first, day) for day in _DAY.findall(words)) if _READ.search(words) else ()
            found.append(Reference(first, inside, days))
    return tuple(found)


def faults_of(pages: Mapping[Path, str]) -> list[Fault]:
    """What is wrong with the references of question pages, given their texts."""
    return [fault for file, text in pages.items() for fault in _faults(file, text)]


def _faults(file: Path, text: str) -> Iterable[Fault]:
    try:
        references = references_of(text)
    except NoDay as error:
        yield Fault(
            file, error.line, f"a reference was read on a day that is none: {error}", "write it as 2026-11-25"
        )
        return
    for reference in references:
        if not reference.links:
            fault = "a reference without a link"
            yield Fault(file, reference.line, fault, "begin it with [name](https://…), its primary source")
        if not reference.read:
            fault = "a reference does not say when it was read"
            yield Fault(
                file, reference.line, fault, "end it with `Read 2026-11-25.`, the day on which you read it"
            )


def _day(line: int, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise NoDay(line, text) from error


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    """The text with what the pattern finds as blanks, so that every line keeps its number."""
    return pattern.sub(lambda found: "\n".join(" " * len(line) for line in found[0].split("\n")), text)
