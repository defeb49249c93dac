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
# Of a title or of the first heading: what is found anywhere in it, and "not found" only where it says nothing else.
_NOT_FOUND = re.compile(
    r"\b(?:404|(?:page|file|document|content) (?:was |is |could )?not (?:be )?found|page does(?:n't| not) exist"
    r"|(?:can't|cannot|can not|couldn't|could not) find (?:the|that|this|your) (?:page|file|document|content))\b"
    r"|^\W*(?:error\W+)?not found(?:\W*$|\s+[-|·\u2013\u2014])",
    re.IGNORECASE,
)
_CHALLENGE = re.compile(
    r"\b(?:just a moment|attention required|access denied|captcha|robot check|are you (?:a robot|human)"
    r"|verify(?:ing)? you are human|checking your browser|client challenge)\b",
    re.IGNORECASE,
)
# Where a redirect ends whose reader is not shown what was asked for.
_NOT_FOUND_PATH = re.compile(r"/(?:\w+/)*(?:404|(?:page[-_]?)?not[-_]?found)(?:\.\w+)?/?$", re.IGNORECASE)
_SIGN_IN_PATH = re.compile(r"/(?:log[-_]?in|sign[-_]?in|sso)(?:[/.]|$)", re.IGNORECASE)
# A page that comes again every few minutes is itself, and one that a script makes may send those without scripts elsewhere.
_AT_ONCE = re.compile(r"\s*\d?\s*[;,]\s*url\b", re.IGNORECASE)
# Made for the eyes of a browser: a passage to mark, lines of a file.
_NOT_IN_PAGE = re.compile(r":~:|L\d+(?:C\d+)?(?:-L\d+(?:C\d+)?)?$")


class Finding(NamedTuple):
    """A verdict, why it is not `alive`, and where a page moved to."""

    verdict: Verdict
    reason: str = ""
    moved_to: str | None = None


def judge(link: str, answer: Answer) -> Finding:
    """What an answer says of a link, whose fragment counts too."""
    if answer.status is None:
        return Finding(Verdict.UNSURE, answer.error)
    try:
        page = _Page(answer.text) if "html" in answer.media_type else None
    except AssertionError:
        # What Python's parser raises for declarations that no browser minds.
        return Finding(Verdict.UNSURE, "its HTML cannot be read")
    if answer.status in GONE:
        # Some firewalls deny a page to programs.
        if page and _CHALLENGE.search(page.title):
            return Finding(Verdict.UNSURE, f"status {answer.status}, and it asks whether a person is there")
        return Finding(Verdict.GONE, f"status {answer.status}")
    if answer.status not in CAME:
        return Finding(Verdict.UNSURE, f"status {answer.status}")

    asked, got = urlsplit(link), urlsplit(answer.address)
    if asked.path.strip("/") and not got.path.strip("/"):
        return Finding(Verdict.UNSURE, "it sends to the front page of a site")
    if got.path != asked.path and _NOT_FOUND_PATH.search(got.path):
        return Finding(Verdict.UNSURE, "it sends to a page for what is not found")
    if got.path != asked.path and _SIGN_IN_PATH.search(got.path):
        return Finding(Verdict.UNSURE, "it sends to where one signs in")
    if page:
        reason = _doubt(page, answer, unquote(asked.fragment))
        if reason:
            return Finding(Verdict.UNSURE, reason)
    if answer.lasting and (got.netloc, got.path, got.query) != (asked.netloc, asked.path, asked.query):
        moved_to = _with_fragment(answer.address, asked.fragment)
        if len(moved_to) > LONGEST:
            return Finding(Verdict.UNSURE, "it sends to an address that is too long to cite")
        return Finding(Verdict.MOVED, moved_to=moved_to)
    return Finding(Verdict.ALIVE)


def _doubt(page: _Page, answer: Answer, fragment: str) -> str:
    """Why a page that came may not be the one that the link means; empty where nothing says so."""
    if not answer.text.strip():
        return "an empty page"
    if _NOT_FOUND.search(page.title) or _NOT_FOUND.search(page.heading):
        return "its title says that there is no such page"
    if _CHALLENGE.search(page.title):
        return "it asks first whether a person is there"
    if page.sends_on:
        return "it sends on by a refresh, which is not followed"
    if fragment and not _NOT_IN_PAGE.match(fragment) and fragment not in page.ids:
        if answer.cut:
            return "the part that the link names was not in what was read"
        return "no part of the page has the link's fragment"
    return ""


def _with_fragment(address: str, fragment: str) -> str:
    return address if "#" in address or not fragment else f"{address}#{fragment}"


class _Page(HTMLParser):
    """The title, the first heading and the ids of an HTML text, those included that GitHub's script adds a prefix for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.sends_on = False
        """Whether a browser is sent on from it at once."""
        self._scriptless = False
        # A drawing in the page may have titles, too: the first of each counts.
        self._said: dict[str, str] = {}
        self._within = ""
        self.feed(text)

    @property
    def title(self) -> str:
        return self._words("title")

    @property
    def heading(self) -> str:
        return self._words("h1")

    def _words(self, tag: str) -> str:
        return " ".join(self._said.get(tag, "").replace("\u2019", "'").split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("title", "h1"):
            self._within = "" if tag in self._said else tag
            self._said.setdefault(tag, "")
        given = {name: value or "" for name, value in attrs}
        if tag == "noscript":
            self._scriptless = True
        elif tag == "meta" and given.get("http-equiv", "").lower() == "refresh" and not self._scriptless:
            self.sends_on |= bool(_AT_ONCE.match(given.get("content", "")))
        for name, value in attrs:
            if value and (name == "id" or (name == "name" and tag == "a")):
                self.ids.add(value)
                self.ids.add(value.removeprefix("user-content-"))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("title", "h1"):
            self._within = ""
        elif tag == "noscript":
            self._scriptless = False

    def handle_data(self, data: str) -> None:
        if self._within:
            self._said[self._within] += data
