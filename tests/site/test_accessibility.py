"""axe-core on what a page can turn into: closed blocks, messages, the menu, the search. As it is opened: test_pages_*.py."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.site.axe import ENHANCED, NO_COLORS, THIN, findings
from tests.site.conftest import NARROW, WIDE, NewPage, Site, Watch, repaint
from tests.site.shots import TYPES
from tests.thorough import THOROUGH, every

COMPLETE = "questions/technical/rate-limiting/"


# The first is looked at by `make test`.
ALL = [("light", WIDE), ("dark", NARROW), ("dark", WIDE), ("light", NARROW)]


@pytest.mark.parametrize(("palette", "size"), every(len(ALL), ALL))
def test_no_state_of_a_page_has_a_finding(
    new_page: NewPage, palette: Literal["light", "dark"], size: tuple[int, int]
) -> None:
    """Closed blocks, the field of a refused clipboard, the message of a copy, the menu, search and its results."""
    page = new_page(palette=palette, size=size, permissions=["clipboard-read", "clipboard-write"])
    page.goto(COMPLETE)
    found = findings(page, "closed blocks")

    page.get_by_role("button", name="Copy link", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Link copied")
    found += findings(page, "message", within=".copy-status")

    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    page.get_by_role("button", name="Copy as Markdown", exact=True).click()
    expect(page.get_by_role("textbox", name="Copy the selected text")).to_be_visible()
    found += findings(page, "field", within=".copy-field")

    if size == NARROW:
        page.get_by_role("button", name="Menu").click()
        page.wait_for_timeout(300)
        found += findings(page, "menu", within=".md-sidebar--primary")
        page.keyboard.press("Escape")

    page.keyboard.press("Escape")
    page.locator("article h1").click()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    found += findings(page, "search", within="dialog")
    page.keyboard.type("token bucket")
    expect(page.locator(".search__section").first).to_be_visible()
    found += findings(page, "results", within="dialog")
    page.get_by_role("searchbox").fill("zzzqqq")
    expect(page.get_by_text("Nearest topics")).to_be_visible()
    found += findings(page, "nothing found", within="dialog")
    assert not found, "\n".join(found)


def test_the_tree_of_a_question_is_what_is_seen_and_says_it_once(new_page: NewPage) -> None:
    page = new_page()
    page.goto(COMPLETE)
    page.get_by_role("button", name="Open all").click()
    header = page.get_by_role("banner").aria_snapshot()
    assert header.count("LLM production interviews") == 1
    assert "img" not in header + page.get_by_role("contentinfo").aria_snapshot()
    expect(page.get_by_role("button", name="Back to top")).to_have_count(0)

    article = page.get_by_role("article")
    levels = article.get_by_role("heading").evaluate_all(
        "(headings) => headings.map((heading) => Number(heading.localName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in pairwise(levels))
    named = "(all) => all.map((e) => e.getAttribute('aria-label') ?? e.textContent.trim())"
    for alike in (
        article.locator("summary"),
        page.get_by_role("navigation"),
        article.locator(".tool"),
    ):
        names = alike.evaluate_all(named)
        assert len(set(names)) == len(names), sorted(names)
    # To Safari a list without marks is one by its role alone.
    expect(article.locator("ul.chips").first).to_have_attribute("role", "list")
    for table in article.get_by_role("table").all():
        assert table.get_by_role("columnheader").count() > 1


@THOROUGH
def test_more_contrast_is_had_by_who_asks_for_it(new_page: NewPage) -> None:
    """7:1 for all text of a question (WCAG 2.2, 1.4.6), in both palettes."""
    page = new_page(contrast="more")
    page.goto(COMPLETE)
    page.get_by_role("button", name="Open all").click()
    page.evaluate(THIN, [])
    found = findings(page, "light", ENHANCED)
    repaint(page, "dark")
    found += findings(page, "dark", ENHANCED)
    assert not found, "\n".join(found)


@THOROUGH
def test_no_type_of_page_has_a_finding_on_a_wide_screen(new_page: NewPage) -> None:
    """What does not depend on colors; all pages are looked at as a phone shows them."""
    page = new_page()
    found = []
    for address in TYPES.values():
        page.goto(address)
        found += findings(page, address, NO_COLORS)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_page_for_wrong_addresses_has_no_finding(
    new_page: NewPage, watch: Watch, size: tuple[int, int]
) -> None:
    page = new_page(size=size)
    page.goto("nowhere/")
    found = findings(page, "404")
    watch.problems.clear()
    assert not found, "\n".join(found)


def test_a_redirect_has_no_finding(site: Site, new_page: NewPage) -> None:
    """What a reader sees whose browser refuses to be sent on."""
    page = new_page()
    html = re.sub(r"<script.*?</script>|<meta http-equiv.*?>", "", site.html("q/6/"))
    page.set_content(html)
    assert not findings(page, "redirect")
