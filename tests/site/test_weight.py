"""What a first visit of a question's page carries, and that what was cut to make it light is not missed."""

from __future__ import annotations

import gzip
import json
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from macros import join
from tests.site.browser import find_browser
from tests.site.conftest import BROWSER_ARGUMENTS, NARROW, PRINT, NewPage, Site
from tests.site.shots import TYPES
from tests.thorough import IS_ALL_WANTED

COMPLETE = "questions/technical/rate-limiting/"

# Everything included. Pages compresses; its headers are a few hundred bytes an answer.
MOST_BYTES, MOST_REQUESTS, HEADERS = 100_000, 9, 400

# Types of page that differ in what of the theme's sheet they use; `make check` looks at all.
LOOKED_AT = TYPES if IS_ALL_WANTED else ("landing", "question", "builder", "calculator")

# For each selector of the original sheets that something on the page matches, or could in another state: whether the page's
# own sheets have it. Gives those that they lack.
MISSED = r"""async (addresses) => {
  const selectors = (rules, found = new Set()) => {
    for (const rule of rules) {
      if (rule.selectorText) for (const one of split(rule.selectorText)) found.add(one);
      else if (rule.cssRules) selectors(rule.cssRules, found);
    }
    return found;
  };
  const split = (list) => {
    const parts = [""];
    let depth = 0;
    for (const sign of list) {
      depth += "([".includes(sign) ? 1 : ")]".includes(sign) ? -1 : 0;
      if (sign === "," && !depth) parts.push("");
      else parts[parts.length - 1] += sign;
    }
    return parts.map((part) => part.trim());
  };
  // What values ask for, in both palettes.
  const properties = () => {
    const css = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).map((rule) => rule.cssText).join("");
    const names = new Set([...css.matchAll(/var\((--[\w-]+)/g)].map(([, name]) => name));
    const found = new Map();
    for (const scheme of ["default", "slate"]) {
      document.body.dataset.mdColorScheme = scheme;
      for (const element of [document.body, document.querySelector("article")]) {
        const style = getComputedStyle(element);
        for (const name of names) found.set(`${scheme} ${element.localName} ${name}`, style.getPropertyValue(name).replace(/\s/g, ""));
      }
    }
    return found;
  };
  const anyState = (selector) =>
    selector
      .replace(/::[\w-]+(\([^)]*\))?|:(before|after|hover|focus|focus-visible|focus-within|active|checked|target|link|visited)(?![\w-])/g, "")
      .replace(/\s*([>+~,])\s*/g, "$1")
      // Nothing stands where a state alone did.
      .replace(/(^|[\s>+~(,])(?=$|[\s>+~),])/g, "$1*");
  const has = selectors([...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]));
  const missed = [];
  const before = properties();
  for (const address of addresses) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync((await (await fetch(address)).text()).replace(/^@charset[^;]*;|@font-face[^}]*}/g, ""));
    document.adoptedStyleSheets.push(sheet);
    for (const selector of selectors(sheet.cssRules)) {
      if (!has.has(selector) && document.querySelector(anyState(selector))) missed.push(selector);
    }
  }
  for (const [name, value] of properties()) {
    if (before.get(name) !== value) missed.push(`${name}: ${before.get(name)} is ${value}`);
  }
  return missed;
}"""


def packed(site: Site, address: str) -> int:
    """Bytes on the wire of a file of the site, as Pages sends it: fonts and icons are compressed in themselves."""
    name = f"{address}index.html" if address == "" or address.endswith("/") else address
    body = (site.folder / name).read_bytes()
    return min(len(body), len(gzip.compress(body, 6)))


def test_a_question_costs_little_more_than_its_words(site: Site, new_page: NewPage) -> None:
    page = new_page(size=NARROW)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(COMPLETE)
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("button", name="Add to plan")).to_be_visible()
    addresses = [
        urlsplit(url).path.removeprefix(urlsplit(site.url).path) for url in asked if url.startswith("http")
    ]
    # The icon of the page's tab, which a browser without a window does not fetch.
    if "assets/images/mark.svg" not in addresses:
        addresses.append("assets/images/mark.svg")
    assert len(addresses) == len(set(addresses)) <= MOST_REQUESTS, addresses
    sizes = {address: packed(site, address) for address in addresses}
    shared = sum(size for address, size in sizes.items() if address != COMPLETE) + HEADERS * len(sizes)
    # What they load beside their text is the same for all of them.
    for question in site.questions():
        total = shared + packed(site, question["address"])
        assert total <= MOST_BYTES, f"{question['address']}: {total} bytes, {sizes}"


def test_a_page_is_seen_before_its_scripts_are_loaded(site: Site, new_page: NewPage) -> None:
    page = new_page(size=NARROW)
    page.goto(COMPLETE)
    seen, loaded = page.evaluate(
        """() => [
          performance.getEntriesByName("first-paint")[0].startTime,
          performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/set-up.js")).startTime,
        ]"""
    )
    assert seen <= loaded


def test_every_page_loads_what_is_joined(site: Site) -> None:
    for address in [*site.pages(), "404.html", PRINT]:
        sheets = join.sheets_of(site.html(address).encode())
        loaded = re.findall(
            r'<(?:script|link)\b[^>]*(?:src|href)="[^"]*?(assets/[^"]+\.(?:js|css))"', site.html(address)
        )
        assert f"{join.FOLDER}/site.css" in loaded, address
        assert not [name for name in (*sheets, *loaded) if ".min." in name], address
        scripts = [name for name in loaded if name.endswith(".js")]
        assert scripts == ([] if address == PRINT else [f"{join.FOLDER}/site.js"]), address


def open_all(page: Page) -> None:
    """Show what waits: the blocks, and the search with its results."""
    page.evaluate("document.querySelectorAll('details').forEach((block) => { block.open = true; })")
    page.keyboard.press("/")
    page.locator("dialog.search input[type=search]").fill("rate limit")
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("kind", LOOKED_AT)
def test_no_rule_is_missed(site: Site, new_page: NewPage, kind: str) -> None:
    page = new_page()
    page.goto(TYPES[kind])
    page.wait_for_load_state("networkidle")
    open_all(page)
    theme = sorted((site.folder / "assets/stylesheets").glob("*.min.css"))
    own = [site.folder / f"assets/stylesheets/{name}.css" for name in ("site", "diagrams")]
    originals = [site.url + file.relative_to(site.folder).as_posix() for file in (*theme, *own)]
    assert len(originals) >= 4
    assert page.evaluate(MISSED, originals) == []


def test_the_way_back_shows_the_page_as_it_was_left(site: Site, browser: Browser) -> None:
    """From the browser's memory, without loading it again: which a handler of `unload`, for one, would forbid."""
    # What tests need is told Playwright's browser: that it keeps no pages.
    remembering = browser.browser_type.launch(
        executable_path=find_browser(),
        args=BROWSER_ARGUMENTS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    page = remembering.new_page()
    page.goto(site.url + COMPLETE)
    page.wait_for_load_state("networkidle")
    page.evaluate("window.wasLeft = true")
    page.goto(f"{site.url}questions/")
    page.wait_for_load_state("networkidle")
    assert not page.evaluate("window.wasLeft")
    page.go_back(wait_until="commit")
    page.wait_for_function("window.wasLeft")
    assert page.url == site.url + COMPLETE
    remembering.close()


def test_what_scripts_put_into_a_page_has_the_rest_left_as_it_was_styled(
    site: Site, browser: Browser
) -> None:
    """One rule that ends like `table + *` has all of a page styled anew for each button that comes into it."""
    page = browser.new_page(viewport={"width": NARROW[0], "height": NARROW[1]})
    page.goto(site.url + COMPLETE)
    page.wait_for_selector("html[data-set-up=done]")
    page.wait_for_load_state("networkidle")
    browser.start_tracing(page=page, categories=["devtools.timeline"])
    page.evaluate(
        """() => {
          for (const place of document.querySelectorAll(".page-tools, article h2, article .md-typeset__table, .md-header__title")) {
            place.after(document.createElement("div"));
            document.body.offsetHeight;
          }
          // All of it, to compare with.
          document.body.dataset.mdColorScheme = "slate";
          document.body.offsetHeight;
        }"""
    )
    events = [event for event in json.loads(browser.stop_tracing())["traceEvents"] if event["ph"] in "XE"]
    counts = [event["args"].get("elementCount", 0) for event in events if event["name"] == "UpdateLayoutTree"]
    page.close()
    assert len(counts) > 8
    assert max(counts) > 200, "a page whose styles are worked out"
    assert sorted(counts)[-2] < max(counts) / 3
