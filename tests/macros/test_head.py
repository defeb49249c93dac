"""What a page's head says of it: values that cannot break out, dates that are true, and the way to a page."""

from __future__ import annotations

import json
import re
from datetime import date
from xml.etree import ElementTree as ET

import pytest
from bs4 import BeautifulSoup

from macros import head
from macros.catalog import load_catalog
from macros.kits import Kit
from macros.plan import Day, Plan, Step
from macros.site import Site
from tests.macros.pages import page, write_docs

SITE = Site("A site", "What it is about.", "https://example.org/base/")
HOSTILE = """</script><!--"'&<b>"""
NAMED = {
    "index.md": ("Home", "The landing page."),
    "questions/index.md": ("All questions", "Every question."),
    "plans/week.md": ("A week", "Seven days."),
    "kits/a.md": ("Kit 1", HOSTILE),
    "numbers.md": ("", ""),
}


@pytest.fixture
def catalog(tmp_path):
    pages = {
        "technical/a.md": page(number="1", title=json.dumps(HOSTILE), minutes="40"),
        "technical/b.md": page(number="2"),
    }
    return load_catalog(write_docs(tmp_path, pages))


@pytest.fixture
def made(catalog):
    """Writes the head of every page, of files last committed on the days given."""

    def make(dates=None):
        why = "Because."
        steps = (Step(question=2, why=why), Step(question=1, why=why), Step(question=2, why=why))
        plans = {"plans/week.md": Plan(title="A week", days=(Day(focus="All", questions=steps),))}
        kits_of = {"kits/a.md": Kit(catalog.get(1), (), (), ())}
        pages = head.pages_of(NAMED, catalog, plans, kits_of, SITE, dates or {})
        return head.head_files(pages, catalog, plans, kits_of, SITE)

    return make


def data(html):
    (script,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html)
    return {entry["@type"]: entry for entry in json.loads(script)["@graph"]}


def test_no_value_breaks_out_of_its_place(made):
    for name in ("questions/technical/a", "kits/a"):
        html = made()[f"heads/{name}/head.html"]
        soup = BeautifulSoup(html, "html.parser")
        assert {tag.name for tag in soup.find_all()} == {"meta", "script"}
        assert "<" not in soup.find("script").string
        assert HOSTILE in {meta["content"] for meta in soup.find_all("meta")}
        resource = data(html)["LearningResource"]
        assert HOSTILE in (resource["name"], resource["description"])


def test_a_day_is_told_only_where_it_is_that_of_all_a_page_is_made_of(made):
    early, late = date(2026, 1, 2), date(2026, 3, 4)
    files = made({"questions/technical/a.md": late, "kits/a.md": early, "index.md": late, "numbers.md": late})
    assert (
        data(files["heads/questions/technical/a/head.html"])["LearningResource"]["dateModified"]
        == "2026-03-04"
    )
    assert data(files["heads/kits/a/head.html"])["LearningResource"]["dateModified"] == "2026-03-04"
    assert "dateModified" not in data(files["heads/questions/technical/b/head.html"])["LearningResource"]
    dated = {}
    for url in ET.fromstring(files[head.SITEMAP]):
        address, *changed = (element.text for element in url)
        dated[address.removeprefix(SITE.url)] = changed
    assert dated == {
        "": [],
        "questions/": [],
        "questions/technical/a/": ["2026-03-04"],
        "questions/technical/b/": [],
        "plans/week/": [],
        "kits/a/": ["2026-03-04"],
        "numbers/": [],
    }
    half = made({"kits/a.md": early})
    assert "modified" not in half["heads/kits/a/head.html"].lower(), "its question may have changed since"


def test_a_plan_is_as_long_as_its_days_and_has_each_question_once(made):
    plan = data(made()["heads/plans/week/head.html"])["LearningResource"]
    assert plan["timeRequired"] == "PT100M"
    addresses = [f"{SITE.url}questions/technical/{slug}/" for slug in ("b", "a")]
    assert plan["hasPart"] == [{"@id": address} for address in addresses]


def properties(html):
    soup = BeautifulSoup(html, "html.parser")
    return {meta["property"]: meta["content"] for meta in soup.find_all("meta", property=True)}


def test_a_kit_is_for_interviewers_and_made_of_its_question(made):
    kit = data(made()["heads/kits/a/head.html"])["LearningResource"]
    assert kit["audience"] == {"@type": "EducationalAudience", "educationalRole": "interviewer"}
    assert kit["isBasedOn"] == f"{SITE.url}questions/technical/a/"
    assert (kit["timeRequired"], kit["educationalLevel"]) == ("PT40M", "Senior (L5/L6)")


def test_the_first_page_alone_describes_the_site(made):
    described = {
        name for name, html in made().items() if '"@type": "WebSite", "@id"' in html.split("isPartOf")[0]
    }
    assert described == {"heads/head.html"}
    site = data(made()["heads/head.html"])["WebSite"]
    assert (site["url"], site["name"], site["description"]) == (SITE.url, SITE.name, SITE.description)


def test_a_short_link_is_shown_as_its_question_is(made, catalog):
    question = catalog.get(2)
    shown = properties(made()["heads/questions/technical/b/head.html"])
    assert properties(head.short_link(question, SITE)) == shown
    assert shown["og:type"] == "article"
    assert shown["og:url"] == f"{SITE.url}questions/technical/b/"
    assert shown["og:image"] == f"{SITE.url}assets/cards/2.png"
    assert shown["og:image:alt"].startswith("Question 2")


def test_the_way_to_a_page_has_the_pages_that_there_are(made):
    files = made()
    crumbs = data(files["heads/questions/technical/b/head.html"])["BreadcrumbList"]["itemListElement"]
    assert [(crumb["position"], crumb["name"], crumb["item"]) for crumb in crumbs] == [
        (1, "All questions", f"{SITE.url}questions/"),
        (2, "Limit a rate", f"{SITE.url}questions/technical/b/"),
    ]
    assert "ld+json" not in files["heads/numbers/head.html"], "a page by itself has no way to it"


def test_a_page_without_words_of_its_own_has_the_sites(made):
    soup = BeautifulSoup(made()["heads/numbers/head.html"], "html.parser")
    said = {meta["property"]: meta["content"] for meta in soup.find_all("meta", property=True)}
    assert said["og:title"] == "A site"
    assert said["og:description"] == "What it is about."
    assert said["og:image"] == f"{SITE.url}assets/cards/site.png"
