"""What the question pages hold, counted from their sources, for the landing page to say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

_LISTING = re.compile(r'^--8<-- "', re.MULTILINE)
_COMPUTED = re.compile(r"\{\{\s*(?:computed|chart)\(")
_REFERENCES = re.compile(r"^## References\b.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"^- ", re.MULTILINE)
_READ = re.compile(r"\b[Rr]ead (\d{4}-\d\d-\d\d)\b")


class Tally(NamedTuple):
    listings: int
    """Sections of tested files that pages print."""
    figures: int
    """Numbers and charts that a page has computed while it is built."""
    references: int
    """Entries in the lists of references."""
    last_read: date | None
    """The last day on which one of them was read; None if none says."""


def tally(pages: Iterable[str]) -> Tally:
    """Count what stands in the Markdown of the given question pages."""
    listings = figures = references = 0
    days: list[date] = []
    for text in pages:
        listings += len(_LISTING.findall(text))
        figures += len(_COMPUTED.findall(text))
        for section in _REFERENCES.findall(text):
            references += len(_ITEM.findall(section))
            days += map(date.fromisoformat, _READ.findall(section))
    return Tally(listings, figures, references, max(days, default=None))
