"""One strict build and one browser for all tests of the site, and pages that watch what goes wrong on them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.conftest import SHARED, build
from tests.site.browser import NoBrowserError, find_browser

# All questions once more, on one page: what is wrong with it is wrong with theirs, or found by test_take_away.py.
PRINT = "print/"

WIDE = (1280, 900)
NARROW = (360, 740)

# The browser's own services must not ask the network for anything while the tests count requests.
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Parts of the browser's own window that are pages themselves, and a process kept ready for a next page: each context
    # would start them, which is more than half of what a context costs. The list replaces Playwright's, so the first
    # lines repeat of that what matters here.
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,PaintHolding,ThirdPartyStoragePartitioning,"
    "DestroyProfileOnBrowserClose,MediaRouter,OptimizationHints,NetworkTimeServiceQuerying,LensOverlay,"
    "SpareRendererForSitePerProcess,PreloadTopChromeWebUI,WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    "WebUIOmniboxFullPopup,WebUIToolbar,WebUIReloadButton,InitialWebUI,TabSearch,WebUITabStrip",
]


@dataclass(frozen=True)
class Site:
    """A built site: its files, the address it was built for, and the one it is served at here."""

    folder: Path
    site_url: str
    url: str
    """Address of the landing page on this machine, with the slash at its end."""

    def addresses(self) -> list[str]:
        """Every HTML file below the site's root as it is linked to: "questions/", "404.html"."""
        files = sorted(self.folder.rglob("*.html"))
        return [file.relative_to(self.folder).as_posix().removesuffix("index.html") for file in files]

    def pages(self) -> list[str]:
        """Addresses of what a reader reads: no redirect, not the page for wrong addresses, and not PRINT."""
        return [a for a in self.addresses() if a not in ("404.html", PRINT) and not self.is_redirect(a)]

    def is_redirect(self, address: str) -> bool:
        return 'http-equiv="refresh"' in self.html(address)

    def file(self, address: str) -> Path:
        return self.folder / (f"{address}index.html" if address == "" or address.endswith("/") else address)

    def html(self, address: str) -> str:
        return self.file(address).read_text(encoding="utf-8")

    def questions(self) -> list[dict[str, Any]]:
        """The catalog as questions.json publishes it, with `address` below the site's root."""
        catalog = json.loads((self.folder / "questions.json").read_text(encoding="utf-8"))
        return [q | {"address": q["url"].removeprefix(self.site_url)} for q in catalog["questions"]]


@pytest.fixture(scope="session")
def site(pytestconfig: pytest.Config) -> Site:
    """The site, built strictly once for all workers. A deployment sets SITE_DIR and SITE_URL to test what it uploads."""
    shared = pytestconfig.stash[SHARED]
    if problem := build(shared):
        pytest.fail(f"the strict build failed:\n{problem}", pytrace=False)
    return Site(Path(shared["site"]), shared["site_url"], shared["url"])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        executable = find_browser(windowless=True)
    except NoBrowserError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(f"THE BROWSER TESTS DID NOT RUN. {error}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What went wrong on the pages of a context; a test that expects something empties it."""

    host: str
    problems: list[str] = field(default_factory=list)

    def on(self, page: Page) -> None:
        page.on("console", lambda m: self._note(page, f"console: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda error: self._note(page, f"script error: {error}"))
        page.on("request", self._requested)
        page.on("requestfailed", self._failed)
        page.on("response", lambda r: self._note(page, f"{r.status}: {r.url}") if r.status >= 400 else None)

    def _note(self, page: Page, problem: str) -> None:
        self.problems.append(f"{page.url}: {problem}")

    def _requested(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self.host:
            self.problems.append(f"request to another host: {request.url}")

    def _failed(self, request: Request) -> None:
        # A reader who follows a link while the search index loads aborts its request.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"failed request: {request.url}: {request.failure}")


NewPage = Callable[..., Page]


def resize(page: Page, size: tuple[int, int]) -> None:
    """Give the page's window another width and height, in CSS pixels."""
    width, height = size
    page.set_viewport_size({"width": width, "height": height})


def repaint(page: Page, palette: Literal["light", "dark"]) -> None:
    """Give the page another palette, as the switch in its header does."""
    scheme = "slate" if palette == "dark" else "default"
    page.evaluate("scheme => { document.body.dataset.mdColorScheme = scheme; }", scheme)


def follow(page: Page, query: str) -> None:
    """Give the page another query as the way back does: what reads it follows, and nothing is loaded."""
    page.evaluate(
        """(query) => {
          history.replaceState(history.state, "", location.pathname + query + location.hash);
          dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
        }""",
        query,
    )


# What a page's policy (macros/policy.py) refuses is told here as an error, whether or not the browser's console would.
TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sample }) => {
  console.error(`the page's policy refuses ${effectiveDirective} ${blockedURI} ${sample}`);
});"""


@pytest.fixture
def watch(site: Site) -> Iterator[Watch]:
    """Collects what goes wrong on every page of the test, and fails it at its end if anything did."""
    watch = Watch(urlsplit(site.url).netloc)
    yield watch
    assert not watch.problems, "\n".join(watch.problems)


# Pages are seen first and set up then: who reads is slower, a test is not.
SET_UP = (
    """() => !document.querySelector("script[src$='/site.js']") || document.documentElement.dataset.setUp"""
)


def _have_it_wait(page: Page) -> None:
    """Let `goto` and `reload` end when the page answers, unless they are told what to wait for."""

    def waiting(load: Callable[..., Any]) -> Callable[..., Any]:
        def loaded(*args: Any, **options: Any) -> Any:
            response = load(*args, **options)
            if "wait_until" not in options:
                # Playwright's way to ask with every frame has the browser draw frames.
                page.wait_for_function(SET_UP, polling=20)
            return response

        return loaded

    page.goto, page.reload = waiting(page.goto), waiting(page.reload)  # type: ignore[method-assign]


@pytest.fixture
def new_page(site: Site, browser: Browser, watch: Watch) -> Iterator[NewPage]:
    """Gives pages, each in a context of its own: fresh storage, the asked palette, width and scripts."""
    contexts = []

    def make(
        *,
        size: tuple[int, int] = WIDE,
        palette: Literal["light", "dark"] = "light",
        javascript: bool = True,
        **options: Any,
    ) -> Page:
        context = browser.new_context(
            base_url=site.url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=palette,
            java_script_enabled=javascript,
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(10_000)
        context.add_init_script(TELL_VIOLATIONS)
        contexts.append(context)
        page = context.new_page()
        watch.on(page)
        if javascript:
            _have_it_wait(page)
        return page

    yield make
    for context in contexts:
        context.close()
