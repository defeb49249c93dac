import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta, timezone

import feedparser
import pytest

from macros import feed
from macros.catalog import load_catalog
from macros.site import Site
from tests.macros.pages import page, write_docs

SITE = Site("Questions & answers", "About <them>.", "https://example.org/base/", "CC BY 4.0")
NS = f"{{{feed.ATOM}}}"


@pytest.fixture
def catalog(tmp_path):
    return load_catalog(
        write_docs(
            tmp_path,
            {
                "technical/a.md": page(number="1", title='"A & B"'),
                "technical/b.md": page(number="2"),
                "debugging/c.md": page(
                    ("Question", "What it tests", "Clarifying questions", "Hints"),
                    number="3",
                    answer="pending",
                ),
            },
        )
    )


TIMES = {
    "questions/technical/a.md": datetime(2026, 11, 2, 1, 30, tzinfo=timezone(timedelta(hours=2))),
    "questions/technical/b.md": datetime(2026, 11, 3, tzinfo=UTC),
}


def test_a_reader_sees_the_newest_change_first(catalog):
    read = feedparser.parse(feed.feed_xml(catalog, SITE, TIMES))
    assert not read.bozo
    assert read.version == "atom10"
    assert read.feed.title == "Questions & answers: changed questions"
    assert read.feed.updated == "2026-11-03T00:00:00Z"
    assert [entry.title for entry in read.entries] == ["2. Limit a rate", "1. A & B"]
    first, second = read.entries
    assert first.link == "https://example.org/base/questions/technical/b/"
    assert first.id == "https://example.org/base/q/2/"
    assert {tag.term for tag in first.tags} == {"technical", "senior", "rate-limiting", "redis"}
    assert second.updated == "2026-11-01T23:30:00Z"
    assert second.summary == "How to limit the rate of requests. Changed on 1 November 2026."
    assert [link.href for link in first.links if link.type == "text/markdown"] == [f"{first.link}index.md"]
    assert (read.feed.subtitle, read.feed.rights) == ("About <them>.", "CC BY 4.0")


def test_of_questions_changed_at_once_the_first_number_comes_first(catalog):
    read = feedparser.parse(feed.feed_xml(catalog, SITE, dict.fromkeys(TIMES, TIMES[min(TIMES)])))
    assert [entry.title for entry in read.entries] == ["1. A & B", "2. Limit a rate"]


def test_a_page_without_a_commit_has_no_entry(catalog):
    assert not feedparser.parse(feed.feed_xml(catalog, SITE, {})).entries


@pytest.mark.parametrize("times", [TIMES, {}])
def test_the_feed_has_what_rfc_4287_asks_for(catalog, times):
    """Sections 4.1.1 and 4.1.2: what occurs exactly once, what at least once, and what is of which form."""
    root = ET.fromstring(feed.feed_xml(catalog, SITE, times))
    assert root.tag == f"{NS}feed"
    check(root, {"id": 1, "title": 1, "updated": 1, "author": 1})
    assert [link.get("rel") for link in root.findall(f"{NS}link")].count("self") == 1
    entries = root.findall(f"{NS}entry")
    for entry in entries:
        # No author of its own: it has the feed's.
        check(entry, {"id": 1, "title": 1, "updated": 1, "summary": 1})
        alternates = [
            (link.get("type"), link.get("hreflang"))
            for link in entry.findall(f"{NS}link")
            if link.get("rel") == "alternate"
        ]
        assert len(set(alternates)) == len(alternates) > 0
    ids = [element.findtext(f"{NS}id") for element in (root, *entries)]
    assert len(set(ids)) == len(ids)


def check(element, counts):
    for name, count in counts.items():
        found = element.findall(f"{NS}{name}")
        assert len(found) == count, name
    assert re.fullmatch(r"https://\S+", element.findtext(f"{NS}id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", element.findtext(f"{NS}updated"))
    for author in element.findall(f"{NS}author"):
        assert author.findtext(f"{NS}name")
    for link in element.findall(f"{NS}link"):
        assert re.fullmatch(r"https://\S+", link.get("href"))
