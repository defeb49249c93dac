"""What a page's head tells other sites, in the built HTML: canonical address, share card, structured data; and the sitemap."""

from __future__ import annotations

import json
import re
import struct
from functools import cache
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

import jsonschema
from bs4 import BeautifulSoup, Tag

from macros import offline
from macros.question import Difficulty
from tests.site.conftest import PRINT, Site
from tests.site.test_build import article, text


@cache
def top(site: Site, address: str) -> BeautifulSoup:
    """A page down to where its own text begins, which for these tests is all of it, and quickly read."""
    return BeautifulSoup(site.html(address).partition("<main")[0], "html.parser")


# --- Open Graph -------------------------------------------------------------------------------------------------------

# https://ogp.me: the four that each page must have, and what its picture and its site are.
SHOWN = {
    *("og:type", "og:title", "og:url", "og:image", "og:description", "og:site_name", "og:locale"),
    *("og:image:type", "og:image:width", "og:image:height", "og:image:alt"),
}


def shown(site: Site, address: str) -> dict[str, str]:
    """The properties by which a link to a page is shown, each of which may stand there once."""
    found = [
        (str(meta["property"]), str(meta["content"])) for meta in top(site, address).select("meta[property]")
    ]
    assert len(dict(found)) == len(found), f"{address}: a property twice"
    assert all(value.strip() for _, value in found), address
    return dict(found)


@cache
def size_of(site: Site, url: str) -> tuple[int, int]:
    """Width and height that a PNG of this site says it has."""
    assert url.startswith(site.site_url), url
    data = (site.folder / url.removeprefix(site.site_url)).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def test_every_page_has_one_canonical_address_and_tells_how_it_is_shown(site: Site) -> None:
    for address in site.pages():
        page, said = top(site, address), shown(site, address)
        canonical = [str(link["href"]) for link in page.select("link[rel=canonical]")]
        assert canonical == [said["og:url"]] == [site.site_url + address]
        assert said.keys() - {"article:modified_time"} == SHOWN, address
        assert [said["og:description"]] == [str(m["content"]) for m in page.select("meta[name=description]")]
        titles = {said["og:title"], f"{said['og:title']} - {said['og:site_name']}"}
        assert text(page.select("title")[0]) in titles, address
        assert said["og:type"] in ("website", "article")
        size = int(said["og:image:width"]), int(said["og:image:height"])
        assert size == size_of(site, said["og:image"]) == (1200, 630), address
        cards = [str(meta["content"]) for meta in page.select("meta[name='twitter:card']")]
        assert cards == ["summary_large_image"], address


def test_a_question_is_shown_with_its_own_card_at_both_of_its_addresses(site: Site) -> None:
    for question in site.questions():
        said = shown(site, question["address"])
        assert said["og:image"] == f"{site.site_url}assets/cards/{question['number']}.png"
        assert (said["og:type"], said["og:title"]) == ("article", question["title"])
        assert said.get("article:modified_time") == question["updated"]
        for fact in (question["title"], f"Question {question['number']}", f"{question['minutes']} minutes"):
            assert fact in said["og:image:alt"]
        short = shown(site, f"q/{question['number']}/")
        assert short == {name: said[name] for name in SHOWN}


def test_what_is_no_page_is_not_shown(site: Site) -> None:
    for address in ("404.html", PRINT):
        assert not shown(site, address)
        assert not top(site, address).select("script[type='application/ld+json']")


def test_pages_that_differ_are_shown_differently(site: Site) -> None:
    for name in ("og:title", "og:description"):
        values = [shown(site, address)[name] for address in site.pages()]
        assert len(set(values)) == len(values), name


# --- The mark ---------------------------------------------------------------------------------------------------------


def test_every_page_has_the_sites_own_icon(site: Site) -> None:
    """The drawing first, and a picture of it with its size: without one, Chromium fetches both."""
    images = f"{site.site_url}assets/images/"
    themed = {*site.pages(), "404.html"}
    for address in site.addresses():
        icons = top(site, address).select("link[rel=icon]")
        found = [(urljoin(site.site_url + address, str(icon["href"])), icon.get("sizes")) for icon in icons]
        if address in themed:
            assert found == [(f"{images}mark.svg", None), (f"{images}favicon.png", "48x48")], address
        else:
            assert found == [(f"{images}favicon.png", None)], address
    assert size_of(site, f"{images}favicon.png") == (48, 48)
    assert ET.parse(site.folder / "assets/images/mark.svg").getroot().get("viewBox") == "0 0 32 32"


def test_the_header_has_the_mark_under_the_sites_name(site: Site) -> None:
    for address in site.pages():
        for logo in top(site, address).select("a.md-logo"):
            assert logo["aria-label"] == "LLM production interviews"
            assert logo.select_one("svg path[stroke=currentColor]")


# --- Structured data --------------------------------------------------------------------------------------------------

TEXT = {"type": "string", "minLength": 1}
URL = {"type": "string", "pattern": "^https?://"}
DATE = {"type": "string", "format": "date"}
SITE_PART = {
    "type": "object",
    "properties": {"@type": {"const": "WebSite"}, "@id": URL, "name": TEXT, "url": URL},
    "required": ["@type", "@id", "name", "url"],
    "additionalProperties": False,
}


def strict(kind: str, required: dict[str, Any], optional: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"@type": {"const": kind}, **required, **optional},
        "required": ["@type", *required],
        "additionalProperties": False,
    }


# Of each type the properties in use, and the values that they may have: schema.org 30.0, schemaorg-current-https-types.csv
# and -properties.csv, read on 2026-11-26. A trail needs position, name and item by Google's documentation of breadcrumbs.
TYPES = {
    "LearningResource": strict(
        "LearningResource",
        {
            "@id": URL,
            "url": URL,
            "name": TEXT,
            "description": TEXT,
            "learningResourceType": TEXT,
            "timeRequired": {"type": "string", "pattern": r"^PT[1-9]\d*M$"},
            "inLanguage": {"const": "en"},
            "isAccessibleForFree": {"const": True},
            "license": URL,
            "isPartOf": SITE_PART,
        },
        {
            "image": URL,
            "dateModified": DATE,
            "educationalLevel": TEXT,
            "teaches": {"type": "array", "items": TEXT, "minItems": 1},
            "audience": strict("EducationalAudience", {"educationalRole": TEXT}, {}),
            "isBasedOn": URL,
            "hasPart": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {"@id": URL},
                    "required": ["@id"],
                    "additionalProperties": False,
                },
            },
        },
    ),
    "WebSite": strict(
        "WebSite",
        {
            "@id": URL,
            "url": URL,
            "name": TEXT,
            "description": TEXT,
            "image": URL,
            "inLanguage": TEXT,
            "license": URL,
        },
        {},
    ),
    "BreadcrumbList": strict(
        "BreadcrumbList",
        {
            "itemListElement": {
                "type": "array",
                "minItems": 2,
                "items": strict("ListItem", {"position": {"type": "integer"}, "name": TEXT, "item": URL}, {}),
            }
        },
        {},
    ),
}


@cache
def data(site: Site, address: str) -> dict[str, dict[str, Any]]:
    """A page's entities by their type, each checked against what its type may have."""
    scripts = top(site, address).select("script[type='application/ld+json']")
    assert len(scripts) <= 1, address
    if not scripts:
        return {}
    content = json.loads(scripts[0].get_text())
    assert content.keys() == {"@context", "@graph"}
    assert content["@context"] == "https://schema.org"
    for entity in content["@graph"]:
        jsonschema.Draft202012Validator(
            TYPES[entity["@type"]], format_checker=jsonschema.FormatChecker()
        ).validate(entity)
    found = {entity["@type"]: entity for entity in content["@graph"]}
    assert len(found) == len(content["@graph"]), f"{address}: two of a type"
    return found


def test_a_question_is_described_as_the_catalog_has_it(site: Site) -> None:
    for question in site.questions():
        found = data(site, question["address"])["LearningResource"]
        difficulty = Difficulty(question["difficulty"])
        assert found["url"] == found["@id"] == question["url"]
        assert found["name"] == question["title"]
        assert found["description"] == question["description"]
        assert found["timeRequired"] == f"PT{question['minutes']}M"
        assert found["educationalLevel"] == difficulty.full_label
        assert found["teaches"] == question["topics"]
        assert found.get("dateModified") == question["updated"]
        assert found["image"] == shown(site, question["address"])["og:image"]
        body = text(article(site, question["address"]))
        assert found["name"] in body
        assert found["educationalLevel"] in body


def test_kits_and_plans_name_the_questions_they_are_made_of(site: Site) -> None:
    by_slug = {question["slug"]: question for question in site.questions()}
    questions = {question["url"] for question in by_slug.values()}
    kits = [address for address in site.pages() if address.startswith("kits/") and address != "kits/"]
    assert kits
    for address in kits:
        found, question = data(site, address)["LearningResource"], by_slug[address.split("/")[1]]
        assert found["isBasedOn"] == question["url"]
        assert found["timeRequired"] == f"PT{question['minutes']}M"
    plans = [
        address for address in site.pages() if "hasPart" in data(site, address).get("LearningResource", {})
    ]
    assert len(plans) >= 3
    for address in plans:
        found = data(site, address)["LearningResource"]
        # A plan may name others in passing; an item with its minutes is a step of a day.
        steps = [
            item for item in article(site, address).select("li") if re.search(r"\(\d+ minutes, ", text(item))
        ]
        linked = {
            urljoin(site.site_url + address, str(link["href"])) for step in steps for link in step.select("a")
        }
        assert {part["@id"] for part in found["hasPart"]} == linked & questions
        minutes = found["timeRequired"].removeprefix("PT").removesuffix("M")
        assert f"{minutes} minutes" in shown(site, address)["og:image:alt"]


def test_the_site_describes_itself_on_its_first_page_alone(site: Site) -> None:
    described = [address for address in site.pages() if "WebSite" in data(site, address)]
    assert described == [""]
    found = data(site, "")["WebSite"]
    assert found["url"] == site.site_url
    assert {data(site, q["address"])["LearningResource"]["isPartOf"]["@id"] for q in site.questions()} == {
        found["@id"]
    }


def test_the_way_to_a_page_leads_over_pages_by_their_titles(site: Site) -> None:
    deep = [address for address in site.pages() if address.count("/") > 1]
    assert {address for address in site.pages() if "BreadcrumbList" in data(site, address)} == set(deep)
    for address in deep:
        crumbs = data(site, address)["BreadcrumbList"]["itemListElement"]
        assert [crumb["position"] for crumb in crumbs] == list(range(1, len(crumbs) + 1))
        for crumb in crumbs:
            target = crumb["item"].removeprefix(site.site_url)
            assert address.startswith(target)
            assert crumb["name"] == shown(site, target)["og:title"]
        assert crumbs[-1]["item"] == site.site_url + address


def test_no_data_repeats_what_a_page_hides(site: Site) -> None:
    """Whole sentences only: a title's words may come up in an answer."""
    for question in site.questions():
        body = article(site, question["address"])
        told = json.dumps(data(site, question["address"]), ensure_ascii=False)
        hidden = [
            text(part)
            for block in body.select("details")
            for part in block.select("p, li")
            if isinstance(part, Tag)
        ]
        leaked = [sentence for sentence in hidden if len(sentence) > 25 and sentence in told]
        assert not leaked, f"{question['address']}: {leaked}"


# --- The sitemap ------------------------------------------------------------------------------------------------------


def test_the_sitemap_has_every_page_and_nothing_else(site: Site) -> None:
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    root = ET.parse(site.folder / "sitemap.xml").getroot()
    assert root.tag == f"{space}urlset"
    found = {}
    for url in root:
        parts = {element.tag.removeprefix(space): element.text or "" for element in url}
        assert parts.keys() <= {"loc", "lastmod"}
        assert parts["loc"] not in found
        found[parts["loc"]] = parts.get("lastmod")
    assert found.keys() == {site.site_url + address for address in site.pages()}
    for question in site.questions():
        assert found[question["url"]] == question["updated"]
    for address in site.pages():
        assert found[site.site_url + address] == shown(site, address).get("article:modified_time"), address


def test_cards_are_not_kept_for_reading_without_a_network(site: Site) -> None:
    kept = json.loads((site.folder / offline.LIST).read_text(encoding="utf-8"))["files"]
    assert (site.folder / "assets/cards/site.png").is_file()
    assert not [file["address"] for file in kept if "assets/cards" in file["address"]]
