"""An answer -> whether a link is alive, and why not. Pure.

A link is gone only where its server says so. A refusal, a limit, an error or silence says nothing of the page: servers
turn programs away that they would answer a reader, so such a check is unsure, and leaves the day on which the link was
last seen alive as it is.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from macros.links import LONGEST, Verdict
from references.fetch import Answer

GONE = frozenset({404, 410})
CAME = frozenset({200, 203, 206})
"""Statuses with a page; 202 is what a firewall in front of one answers while it looks at who asks."""
_NOT_FOUND = re.compile(
    r"\b(?:404|(?:page|file|document|content) (?:was |is |could )?not (?:be )?found|page does(?:n't| not) exist)\b",
    re.I,
)
_CHALLENGE = re.compile(
    r"\b(?:just a moment|attention required|access denied|captcha|robot check|are you (?:a robot|human)"
    r"|verify(?:ing)? you are human|checking your browser|client challenge)\b",
    re.IGNORECASE,
)
# Made for the eyes of a browser: a passage to mark, lines of a file.
_NOT_IN_PAGE = re.compile(r":~:|L\d+(?:C\d+)?(?:-L\d+(?:C\d+)?)?$")


class Finding(NamedTuple):
    verdict: Verdict
    reason: str = ""
    moved_to: str | None = None


def judge(link: str, answer: Answer) -> Finding:
    """What an answer says of a link, whose fragment counts too."""
    if answer.status is None:
        return Finding(Verdict.UNSURE, answer.error)
    if answer.status in GONE:
        return Finding(Verdict.GONE, f"status {answer.status}")
    if answer.status not in CAME:
        return Finding(Verdict.UNSURE, f"status {answer.status}")

    asked, got = urlsplit(link), urlsplit(answer.address)
    if asked.path.strip("/") and not got.path.strip("/"):
        return Finding(Verdict.UNSURE, "it sends to the front page of a site")
    fragment = unquote(asked.fragment)
    if "html" in answer.media_type:
        page = _Page(answer.text)
        if not answer.text.strip():
            return Finding(Verdict.UNSURE, "an empty page")
        if _NOT_FOUND.search(page.title):
            return Finding(Verdict.UNSURE, "its title says that there is no such page")
        if _CHALLENGE.search(page.title):
            return Finding(Verdict.UNSURE, "it asks first whether a person is there")
        if fragment and not _NOT_IN_PAGE.match(fragment) and fragment not in page.ids:
            reason = (
                "the part that the link names was not in what was read"
                if answer.cut
                else "no part of the page has the link's fragment"
            )
            return Finding(Verdict.UNSURE, reason)
    if answer.lasting and (got.netloc, got.path, got.query) != (asked.netloc, asked.path, asked.query):
        moved_to = _with_fragment(answer.address, asked.fragment)
        if len(moved_to) > LONGEST:
            return Finding(Verdict.UNSURE, "it sends to an address that is too long to cite")
        return Finding(Verdict.MOVED, moved_to=moved_to)
    return Finding(Verdict.ALIVE)


def _with_fragment(address: str, fragment: str) -> str:
    return address if "#" in address or not fragment else f"{address}#{fragment}"


class _Page(HTMLParser):
    """The title and the ids of an HTML text, those included that GitHub's script adds a prefix for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title = ""
        self.ids: set[str] = set()
        self._titled = False
        self._in_title = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # A drawing in the page may have titles, too.
        self._in_title = tag == "title" and not self._titled
        for name, value in attrs:
            if value and (name == "id" or (name == "name" and tag == "a")):
                self.ids.add(value)
                self.ids.add(value.removeprefix("user-content-"))

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._titled, self._in_title = True, False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
