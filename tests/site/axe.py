"""axe-core on a page as it stands, and what is wrong with many pages, in both palettes and at two widths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.site.conftest import NARROW, WIDE, Site, repaint, resize
from tests.thorough import every

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# What depends on the palette. It is two thirds of axe's work, and no color of ours depends on the width.
COLORS = ("color-contrast", "link-in-text-block")
ALL, ONLY_COLORS, NO_COLORS = "all", "colors", "no colors"
# What nobody is owed who does not ask for more contrast: 7:1 and not 4.5:1.
ENHANCED = "enhanced contrast"
OTHER_PALETTE = "colors after the switch of the palette"

OPEN = """() => {
  document.querySelectorAll("article details").forEach((block) => { block.open = true; });
  const { scrollWidth, clientWidth } = document.documentElement;
  return Math.max(scrollWidth, document.body.scrollWidth) - clientWidth;
}"""

# What looks alike is looked at once: a token of a listing by its class, which alone gives it its color, a leaf of a diagram
# or chart by its tag, class and paint, and a block of plain text by what it stands in. Pages have thousands of them, and
# nothing else to find in them than their colors. Of a table's rows of plain text three stay.
THIN = """seen => {
  for (const body of document.querySelectorAll("article tbody")) {
    [...body.rows].filter((row) => !row.querySelector("td *")).slice(3).forEach((row) => row.remove());
  }
  const known = new Set(seen);
  const isNew = (look) => known.size < known.add(look).size;
  for (const token of document.querySelectorAll("article .highlight code span[class]")) {
    if (!isNew(token.className)) token.replaceWith(...token.childNodes);
  }
  const place = (e) => (e.matches("article") ? "" : `${e.localName}.${e.className}>${place(e.parentNode)}`);
  for (const block of document.querySelectorAll("article :is(p, li):not([class], [id], :has(:not(code, em, strong)))")) {
    if (!isNew(place(block) + [...block.children].map((child) => child.localName).sort().join())) block.remove();
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


# axe-core reads all of a page, whatever part of it is asked about: listings and drawings in the rest are most of that.
EMPTY = """within => {
  for (const part of document.querySelectorAll("article .highlight code, article figure svg")) {
    if (!part.closest(within)) part.replaceChildren();
  }
}"""


def findings(page: Page, where: str, rules: str = ALL, within: str = "html") -> list[str]:
    """What axe-core finds on the page as it stands, one line an element.

    With a selector, only `within` what that finds; listings and drawings outside of it are emptied, and stay so.
    """
    page.evaluate(EMPTY, within)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options: dict[str, Any] = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
    if rules in (ONLY_COLORS, OTHER_PALETTE):
        options["runOnly"] = {"type": "rule", "values": COLORS}
    elif rules == ENHANCED:
        options["runOnly"] = {"type": "rule", "values": ["color-contrast-enhanced"]}
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


def findings_of_state(page: Page, where: str, within: str) -> list[str]:
    """What axe-core finds `within` a page as it stands, in both palettes, and whether that is wider than its window."""
    found = findings(page, where, ALL, within)
    repaint(page, "dark")
    found += findings(page, f"{where}, dark", ONLY_COLORS, within)
    repaint(page, "light")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*found, f"{where}: scrolls sideways by {wide} px"] if wide > 0 else found


def looked_at(site: Site) -> list[str]:
    """The pages that are looked at in whole."""
    return list(every(8, site.pages()))


def faults_of_pages(page: Page, addresses: Iterable[str]) -> list[str]:
    """Of pages with every block open: by how much they are too wide for a phone, what axe-core finds, in both palettes."""
    found: list[str] = []
    looks: list[str] = []
    for address in addresses:
        resize(page, NARROW)
        page.goto(address)
        if too_wide := page.evaluate(OPEN):
            found.append(f"{address}: scrolls sideways by {too_wide} px")
        looks = page.evaluate(THIN, looks)
        for size, rules in ((NARROW, NO_COLORS), (WIDE, ONLY_COLORS), (WIDE, OTHER_PALETTE)):
            resize(page, size)
            if rules == OTHER_PALETTE:
                # It stays for the next page, which is then looked at in the reverse order.
                page.get_by_title(re.compile("^Switch to the (dark|light) palette$")).locator(
                    "visible=true"
                ).click()
            where = f"{address} ({size[0]} px, {palette_of(page)}, {rules})"
            # A box that scrolls sideways becomes a stop for the keyboard a moment after it does, on a busy machine a
            # long one: what is still found after it counts.
            if findings(page, where, rules):
                page.wait_for_timeout(2_000)
                found += findings(page, where, rules)
    assert len(looks) > 40, "no listing or no diagram was looked at"
    return found


def palette_of(page: Page) -> str:
    """The theme's name of the palette that the page is shown in: "default" or "slate"."""
    return str(page.locator("body").get_attribute("data-md-color-scheme"))
