"""What the question pages hold, counted from their sources, for the landing page to say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from macros.references import references_of

# The mark first, as in references.py.
_LISTING = re.compile(r'--8<-- "(?<=^--8<-- ")', re.MULTILINE)
_COMPUTED = re.compile(r"\{\{\s*(?:computed|chart)\(")


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
        for reference in references_of(text):
            references += 1
            days += reference.read
    return Tally(listings, figures, references, max(days, default=None))
