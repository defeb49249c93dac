"""axe-core on every page, in both palettes and at two widths, with every block open, and on what a page can turn into."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.site.conftest import NARROW, WIDE, NewPage, Site, Watch, resize

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COMPLETE = "questions/technical/rate-limiting/"


# What depends on the palette. It is two thirds of axe's work, and no color of ours depends on the width.
COLORS = ("color-contrast", "link-in-text-block")
ALL, ONLY_COLORS, NO_COLORS = "all", "colors", "no colors"

# What looks alike is looked at once: a token of a listing by its class, which alone gives it its color, and a leaf of a
# diagram or chart by its tag, class and paint. Pages have thousands of both. Of a table's rows of plain text three stay.
OPEN_AND_THIN = """seen => {
  document.querySelectorAll("article details").forEach((block) => { block.open = true; });
  for (const body of document.querySelectorAll("article tbody")) {
    [...body.rows].filter((row) => !row.querySelector("td *")).slice(3).forEach((row) => row.remove());
  }
  const known = new Set(seen);
  const isNew = (look) => known.size < known.add(look).size;
  for (const token of document.querySelectorAll("article .highlight code span[class]")) {
    if (!isNew(token.className)) token.replaceWith(...token.childNodes);
  }
  const isLeaf = ":not(:has(*), title, desc)";
  for (const leaf of document.querySelectorAll(`article svg *${isLeaf}`)) {
    const paint = ["class", "fill", "stroke"].map((name) => leaf.getAttribute(name));
    if (!isNew([leaf.tagName, leaf.parentNode.getAttribute("class"), ...paint].join())) leaf.remove();
  }
  for (const group of [...document.querySelectorAll("article svg g")].reverse()) {
    if (group.matches(isLeaf)) group.remove();
  }
  return [...known];
}"""


def findings(page: Page, where: str, rules: str = ALL, within: str = "html") -> list[str]:
    """What axe-core finds on the page as it stands, or `within` what a selector finds, one line an element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
    if rules == ONLY_COLORS:
        options["runOnly"] = {"type": "rule", "values": COLORS}
    elif rules == NO_COLORS:
        options["rules"] = {rule: {"enabled": False} for rule in COLORS}
    result: dict[str, Any] = page.evaluate(
        "([within, options]) => axe.run(within, options)", [within, options]
    )
    return [
        f"{where}: {violation['id']}: {node['html'][:200]} {node['target']} {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


def findings_of_all_pages(site: Site, page: Page, looks: Iterable[tuple[tuple[int, int], str]]) -> list[str]:
    """What axe-core finds on every page of the site with every block open, looked at in each width by its rules."""
    found: list[str] = []
    looked_at: list[str] = []
    for address in site.pages():
        page.goto(address)
        looked_at = page.evaluate(OPEN_AND_THIN, looked_at)
        for size, rules in looks:
            resize(page, size)
            found += findings(page, f"{address} ({size[0]} px, {rules})", rules)
    assert len(looked_at) > 40, "no listing or no diagram was looked at"
    return found


@pytest.mark.timeout(900)
def test_no_page_has_a_finding_in_the_dark_or_on_a_phone(site: Site, new_page: NewPage) -> None:
    """The rest is in test_accessibility_light.py, for a worker of its own."""
    looks = [(WIDE, ONLY_COLORS), (NARROW, NO_COLORS)]
    found = findings_of_all_pages(site, new_page(palette="dark"), looks)
    assert not found, f"{len(found)} findings\n" + "\n".join(found)


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
    found += findings(page, "message")

    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    page.get_by_role("button", name="Copy as Markdown", exact=True).click()
    expect(page.get_by_role("textbox", name="Copy the selected text")).to_be_visible()
    found += findings(page, "field")

    if size == NARROW:
        page.get_by_role("button", name="Menu").click()
        page.wait_for_timeout(300)
        found += findings(page, "menu")
        page.keyboard.press("Escape")

    page.keyboard.press("Escape")
    page.locator("article h1").click()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    found += findings(page, "search")
    page.keyboard.type("token bucket")
    expect(page.locator(".search__section").first).to_be_visible()
    found += findings(page, "results")
    page.get_by_role("searchbox").fill("zzzqqq")
    expect(page.get_by_text("Nearest topics")).to_be_visible()
    found += findings(page, "nothing found")
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
