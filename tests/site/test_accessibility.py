"""axe-core on what a page can turn into: closed blocks, messages, the menu, the search. As it is opened: test_pages_*.py."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.site.axe import NO_COLORS, findings
from tests.site.conftest import NARROW, WIDE, NewPage, Site, Watch
from tests.site.shots import TYPES

COMPLETE = "questions/technical/rate-limiting/"


@pytest.mark.parametrize("palette", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
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
