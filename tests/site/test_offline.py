"""The site kept on a reader's device: with the network off, over a new edition, over one that breaks off, and let go of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from macros import offline
from tests.site.axe import findings
from tests.site.conftest import NARROW, NewPage, Site, Watch
from tests.site.server import Server

PAGE = "take-away/"
KEPT = "works without a network"
MINUTE = 60_000
NOTHING_THERE = (
    "async () => [(await navigator.serviceWorker.getRegistrations()).length, (await caches.keys()).length]"
)


@dataclass
class Host:
    """A host of our own, whose site can be deployed anew."""

    folder: Path
    url: str

    def change(self, name: str, old: str, new: str) -> None:
        file = self.folder / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def deploy(self) -> None:
        """Tell of what the folder holds now as a new edition."""
        offline.write(self.folder)


@pytest.fixture
def host(site: Site, watch: Watch, tmp_path: Path) -> Iterator[Host]:
    folder = tmp_path / "site"
    shutil.copytree(site.folder, folder)
    # No test has a use for the largest pages, and each of them waits for every byte.
    for large in ("print", "llms-full.txt"):
        path = folder / large
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    offline.write(folder)
    server = Server()
    prefix = urlsplit(site.site_url).path
    server.serve(folder, prefix)
    host = Host(folder, f"http://127.0.0.1:{server.server_address[1]}{prefix}")
    watch.host = urlsplit(host.url).netloc
    yield host
    server.close()


def says(page: Page, text: str) -> None:
    expect(page.locator(".offline").get_by_role("status")).to_contain_text(text, timeout=MINUTE)


def keep(page: Page, host: Host) -> None:
    """Keep the site as a reader does."""
    page.goto(host.url + PAGE)
    page.get_by_role("button", name="Keep this site offline").click()
    says(page, KEPT)


def home(page: Page, host: Host) -> str:
    page.goto(host.url)
    return page.locator("h1").inner_text().removesuffix("¶")


@pytest.mark.timeout(600)
def test_everything_works_with_the_network_off(host: Host, new_page: NewPage, watch: Watch) -> None:
    page = new_page(size=NARROW)
    keep(page, host)
    page.context.set_offline(True)

    page.goto(host.url)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("searchbox", name="Search the questions").fill("token bucket")
    first = page.get_by_role("dialog").get_by_role("listitem").first
    expect(first).to_contain_text("Implement token-bucket rate limiting")
    # The words of the section that answers are read from the page that is found.
    expect(page.locator(".search__section").first).to_be_visible()
    first.get_by_role("link").click()
    expect(page.locator("article h1")).to_have_text("Implement token-bucket rate limiting")
    page.get_by_role("button", name="Open all").click()
    expect(page.locator("details.answer figure.diagram svg").first).to_be_visible()

    # As the host answers: short links, an address without its slash or with its file's name, a query.
    page.goto(f"{host.url}q/16/#hints")
    expect(page).to_have_url(f"{host.url}questions/debugging/latency-spike/#hints")
    page.goto(f"{host.url}questions?difficulty=staff")
    expect(page).to_have_url(f"{host.url}questions/?difficulty=staff")
    expect(page.get_by_role("combobox", name="Difficulty")).to_have_value("staff")
    page.goto(f"{host.url}topics/index.html")
    expect(page.locator("article h1")).to_contain_text("topic")

    assert not watch.problems
    page.goto(f"{host.url}evidence/latency-spike/README.txt")
    expect(page.locator("body")).to_contain_text("access.csv")
    response = page.goto(f"{host.url}nowhere/")
    assert response
    assert response.status == 404
    expect(page.locator("h1")).to_contain_text("404")
    # The browser tells of the status, that the worker asked the network in vain, and that a text has no icon at the
    # host's root, which is not ours.
    watch.problems.clear()


def test_a_visit_alone_keeps_nothing(host: Host, new_page: NewPage) -> None:
    page = new_page()
    for address in ("", "questions/technical/rate-limiting/", PAGE):
        page.goto(host.url + address)
    button = page.get_by_role("button", name="Keep this site offline")
    size = sum(file.stat().st_size for file in host.folder.rglob("*") if file.is_file()) / 1e6
    said = float((button.text_content() or "").partition("(")[2].partition(" MB")[0])
    assert 0.7 * size < said <= size
    assert page.evaluate(NOTHING_THERE) == [0, 0]


@pytest.mark.timeout(600)
def test_a_new_edition_takes_over_when_it_is_whole_and_the_reader_says_so(
    host: Host, new_page: NewPage
) -> None:
    page = new_page()
    keep(page, host)
    before = home(page, host)
    host.change("index.html", before, "A newer home")
    host.deploy()

    page.goto(host.url + PAGE)
    says(page, "A newer edition is here in whole")
    assert home(page, host) == before, "half of one edition and half of another"
    page.goto(host.url + PAGE)
    page.get_by_role("button", name="Use the newer edition").click()
    says(page, KEPT)
    page.context.set_offline(True)
    assert home(page, host) == "A newer home"
    assert len(page.evaluate("caches.keys()")) == 1


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", ["a file is missing", "a file is of another edition"])
def test_an_edition_that_breaks_off_changes_nothing(host: Host, new_page: NewPage, fault: str) -> None:
    page = new_page()
    keep(page, host)
    before = home(page, host)
    host.change("index.html", before, "A newer home")
    host.change("topics/index.html", "</h1>", " (newer)</h1>")
    host.deploy()
    # Half of the deployment has arrived.
    late = host.folder / "topics/index.html"
    text = late.read_text(encoding="utf-8")
    if fault == "a file is missing":
        late.unlink()
    else:
        late.write_text(text.replace("(newer)", "(newest)"), encoding="utf-8")

    page.goto(host.url + PAGE)
    says(page, "A newer edition could not be fetched in whole")
    page.context.set_offline(True)
    assert home(page, host) == before
    page.goto(f"{host.url}topics/")
    expect(page.locator("article h1")).not_to_contain_text("newe")

    page.context.set_offline(False)
    late.write_text(text, encoding="utf-8")
    page.goto(host.url + PAGE)
    says(page, "A newer edition is here in whole")


@pytest.mark.timeout(600)
def test_what_cannot_be_had_in_whole_is_not_kept_at_all(host: Host, new_page: NewPage) -> None:
    page = new_page()
    moved = shutil.move(host.folder / "topics", host.folder.parent / "away")
    page.goto(host.url + PAGE)
    page.get_by_role("button", name="Keep this site offline").click()
    says(page, "nothing is kept")
    page.wait_for_function(f"async () => String(await ({NOTHING_THERE})()) === '0,0'")

    shutil.move(moved, host.folder / "topics")
    page.get_by_role("button", name="Keep this site offline").click()
    says(page, KEPT)


@pytest.mark.timeout(600)
def test_a_reader_lets_go_of_all_of_it(host: Host, new_page: NewPage) -> None:
    page = new_page()
    keep(page, host)
    page.evaluate("caches.open('of another site')")
    page.reload()
    page.get_by_role("button", name="Remove it from this device").click()
    says(page, "Removed: nothing is kept")
    assert page.evaluate("caches.keys()") == ["of another site"]
    # The page that is open outlives it; the next one comes from the network.
    response = page.goto(host.url)
    assert response
    assert not response.from_service_worker
    assert page.evaluate(NOTHING_THERE) == [0, 1]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("palette", ["light", "dark"])
def test_no_state_of_the_control_has_a_finding(host: Host, new_page: NewPage, palette: str) -> None:
    page = new_page(size=NARROW, palette=palette)
    page.goto(host.url + PAGE)
    button = page.get_by_role("button", name="Keep this site offline")
    expect(button).to_be_visible()
    found = findings(page, "nothing kept")
    button.focus()
    page.keyboard.press("Enter")
    says(page, KEPT)
    found += findings(page, "kept")
    assert not found, "\n".join(found)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0


def test_a_browser_that_keeps_no_sites_says_so(site: Site, new_page: NewPage) -> None:
    page = new_page(service_workers="block")
    page.add_init_script("delete Navigator.prototype.serviceWorker")
    page.goto(PAGE)
    says(page, "does not let a site be kept")


def test_the_app_starts_at_the_sites_root_wherever_that_is(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.goto(PAGE)
    manifest = page.evaluate(
        """async () => {
          const { href } = document.querySelector("link[rel=manifest]");
          const manifest = await (await fetch(href)).json();
          const [start, scope, icon] = [manifest.start_url, manifest.scope, manifest.icons[0].src].map((u) => new URL(u, href).href);
          return { start, scope, icon: (await fetch(icon)).headers.get("content-type") };
        }"""
    )
    assert manifest == {"start": site.url, "scope": site.url, "icon": "image/svg+xml"}
