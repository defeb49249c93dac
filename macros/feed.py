"""The catalog -> feed.xml, an Atom feed (RFC 4287) with an entry for each question, newest change first.

An entry's id is the question's short address, which outlives a change of slug, so a reader's program sees a changed question
as the same entry with another date. A question whose last change is unknown has no date to give and is left out.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from datetime import UTC, datetime

from macros import markdown_files
from macros.catalog import Catalog
from macros.question import Question
from macros.site import Site

NAME = "feed.xml"
ATOM = "http://www.w3.org/2005/Atom"
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)


def feed_xml(catalog: Catalog, site: Site, times: Mapping[str, datetime]) -> str:
    """The feed. `times` has the moment of each page's last commit, by path below docs/."""
    dated = [(times[question.source], question) for question in catalog if question.source in times]
    dated.sort(key=lambda item: (item[0], -item[1].number), reverse=True)
    feed = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _add(feed, "id", f"{site.url}{NAME}")
    _add(feed, "title", f"{site.name}: changed questions")
    _add(feed, "subtitle", site.description)
    _add(feed, "link", rel="self", type="application/atom+xml", href=f"{site.url}{NAME}")
    _add(feed, "link", rel="alternate", type="text/html", href=site.url)
    _add(feed, "updated", _moment(max((time for time, _ in dated), default=_UNKNOWN)))
    _add(_add(feed, "author"), "name", f"The {site.name} authors")
    if site.copyright:
        _add(feed, "rights", site.copyright)
    for time, question in dated:
        _entry(feed, question, time, site.url)
    ET.indent(feed)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(feed, encoding="unicode")}\n'


def _entry(feed: ET.Element, question: Question, time: datetime, site_url: str) -> None:
    entry = _add(feed, "entry")
    _add(entry, "id", f"{site_url}{question.short_address}")
    _add(entry, "title", f"{question.number}. {question.title}")
    _add(entry, "updated", _moment(time))
    page = f"{site_url}{question.address}"
    _add(entry, "link", rel="alternate", type="text/html", href=page)
    _add(entry, "link", rel="alternate", type="text/markdown", href=f"{page}{markdown_files.NAME}")
    for term in (question.category, question.difficulty, *question.topics):
        _add(entry, "category", term=str(term))
    day = f"{time.astimezone(UTC):%d %B %Y}".lstrip("0")
    _add(entry, "summary", f"{question.description} Changed on {day}.")


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, name, attributes)
    element.text = text
    return element


def _moment(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
