"""A stored copy of an address: the Internet Archive's nearest to the day on which the reference was read.

A copy counts only when a check has opened it. Where there is none, the archive can be asked for one; a later check
finds it.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from typing import NamedTuple
from urllib.parse import quote

from macros.links import Archived, Verdict
from references.fetch import Fetcher
from references.verdict import judge

LOOKUP, COPIES = "https://archive.org/wayback/available", "https://web.archive.org"


class Found(NamedTuple):
    """What a search for a copy came to."""

    copy: Archived | None
    none: bool
    """Whether the archive said that it has none; it may also not have answered."""


class Archive:
    """`lookup` says which copies there are, `copies` has them."""

    def __init__(self, fetcher: Fetcher, lookup: str = LOOKUP, copies: str = COPIES) -> None:
        self._fetcher = fetcher
        self._lookup = lookup
        self._copies = copies

    def copy_of(self, address: str, near: date | None, today: date) -> Found:
        """Find the copy taken nearest to a day, and open it."""
        page = address.partition("#")[0]
        day = f"&timestamp={near:%Y%m%d}" if near else ""
        answer = self._fetcher.get(f"{self._lookup}?url={quote(page, safe='')}{day}")
        if answer.status != 200:
            return Found(None, none=False)
        taken = _taken(answer.text)
        if taken is None:
            return Found(None, none=True)
        # Built here: an address is not taken from an answer.
        copy = f"{self._copies}/web/{taken:%Y%m%d%H%M%S}/{page}"
        # What was archived may be a wall, or the words that there is no such page.
        if judge(copy, self._fetcher.get(copy)).verdict not in (Verdict.ALIVE, Verdict.MOVED):
            return Found(None, none=False)
        return Found(Archived(address=copy, taken=taken.date(), seen=today), none=False)

    def ask_for(self, address: str) -> bool:
        """Ask for a copy to be made; say whether the archive took the request."""
        status = self._fetcher.get(f"{self._copies}/save/{address.partition('#')[0]}").status
        return status is not None and status < 400


def _taken(text: str) -> datetime | None:
    """When the copy was taken that the archive's answer names, if it names one that had status 200."""
    try:
        copy = json.loads(text)["archived_snapshots"]["closest"]
        if copy["available"] is not True or str(copy["status"]) != "200":
            return None
        stamp = str(copy["timestamp"])
        return datetime.strptime(stamp, "%Y%m%d%H%M%S") if re.fullmatch(r"\d{14}", stamp) else None
    except (ValueError, KeyError, TypeError):
        return None
