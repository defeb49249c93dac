"""The site kept on a reader's device: with the network off, over a new edition, over one that breaks off, and let go of."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from macros import offline
from tests.site.axe import findings
from tests.site.conftest import NARROW, NewPage, Site, Watch
from tests.site.server import PagesHandler, Server
from tests.thorough import THOROUGH

PAGE = "take-away/"
KEPT = "works without a network"
MINUTE = 60_000
NOTHING_THERE = (
    "async () => [(await navigator.serviceWorker.getRegistrations()).length, (await caches.keys()).length]"
)

# What other sites of the same owner, which share the origin, could send to the control. It is at work when this ends.
STRAY_MESSAGES = """(path) => new Promise((done) => {
  const [channel, last] = [1, 2].map(() => new BroadcastChannel(`llm-production-interviews.offline ${path} `));
  last.onmessage = ({ data }) => data === "end" && done();
  const stray = [null, 0, "<b>", {}, [], { bytes: "1e999", of: {} }, { bytes: 1, of: Infinity }, { whole: "no" }, "end"];
  for (const data of stray) channel.postMessage(data);
})"""

# Bytes of all that is kept, as it lies there.
KEPT_BYTES = """async () => {
  const cache = await caches.open((await caches.keys())[0]);
  const responses = await Promise.all((await cache.keys()).map((request) => cache.match(request)));
  const sizes = await Promise.all(responses.map(async (response) => (await response.arrayBuffer()).byteLength));
  return sizes.reduce((sum, size) => sum + size, 0);
}"""

# Puts other bytes into the one cache, for an address and with all else that the response there has.
SPOIL = """async (url) => {
  const cache = await caches.open((await caches.keys())[0]);
  const { headers } = await cache.match(url);
  await cache.put(url, new Response("<h1>Spoiled</h1>", { headers }));
}"""


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

    @property
    def bytes(self) -> int:
        """What the list says that a device needs."""
        told: int = json.loads((self.folder / offline.LIST).read_text(encoding="utf-8"))["bytes"]
        return told

    def deploy(self) -> None:
        """Tell of what the folder holds now as a new edition."""
        offline.write(self.folder)


@contextmanager
def hosted(site: Site, watch: Watch, folder: Path, *left_out: str) -> Iterator[Host]:
    """The site, without what no test has a use for: each of them waits for every file."""
    unused = ("print", "kits", "plans", "calculators", "contributing", "templates", "*.md", "llms-full.txt")
    shutil.copytree(site.folder, folder, ignore=shutil.ignore_patterns(*unused, *left_out))
    offline.write(folder)
    server = Server()
    prefix = urlsplit(site.site_url).path
    server.serve(folder, prefix)
    host = Host(folder, f"http://127.0.0.1:{server.server_address[1]}{prefix}")
    watch.host = urlsplit(host.url).netloc
    yield host
    server.close()


@pytest.fixture
def host(site: Site, watch: Watch, tmp_path: Path) -> Iterator[Host]:
    """With the pages of two questions."""
    read = ("rate-limiting", "latency-spike")
    slugs = {Path(question["address"]).name for question in site.questions()}.difference(read)
    with hosted(site, watch, tmp_path / "site", *slugs) as host:
        yield host


@pytest.fixture
def whole_host(site: Site, watch: Watch, tmp_path: Path) -> Iterator[Host]:
    """With all of them, for the search."""
    with hosted(site, watch, tmp_path / "site") as host:
        yield host


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
def test_everything_works_with_the_network_off(whole_host: Host, new_page: NewPage, watch: Watch) -> None:
    host, page = whole_host, new_page(size=NARROW)
    keep(page, host)
    assert page.evaluate(KEPT_BYTES) == pytest.approx(host.bytes, rel=0.05)
    page.context.set_offline(True)
    page.evaluate(STRAY_MESSAGES, urlsplit(host.url).path)
    says(page, KEPT)

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


def test_a_visit_alone_keeps_nothing(whole_host: Host, new_page: NewPage) -> None:
    host, page = whole_host, new_page()
    for address in ("", "questions/technical/rate-limiting/", PAGE):
        page.goto(host.url + address)
    button = page.get_by_role("button", name="Keep this site offline")
    size = sum(file.stat().st_size for file in host.folder.rglob("*") if file.is_file()) / 1e6
    said = float((button.text_content() or "").partition("(")[2].partition(" MB")[0])
    # Compressed, texts are a fourth and less.
    assert 0.1 * size < said < 0.4 * size
    assert page.evaluate(NOTHING_THERE) == [0, 0]


@pytest.mark.timeout(600)
def test_a_new_edition_takes_over_in_whole_and_no_window_stays_with_an_old_one(
    host: Host, new_page: NewPage
) -> None:
    page = new_page()
    # The first edition is kept as by a browser that cannot compress.
    host.change(offline.WORKER, '"CompressionStream" in self', "false")
    keep(page, host)
    assert page.evaluate(KEPT_BYTES) > 2 * host.bytes
    first = home(page, host)
    # What shares the origin can write into its caches, and a disk may err.
    page.evaluate(SPOIL, f"{host.url}topics/")
    host.change("index.html", first, "A newer home")
    host.deploy()

    # While another window shows the old one, the reader has to say so.
    page.goto(host.url + PAGE)
    says(page, "A newer edition is here in whole")
    other = page.context.new_page()
    assert home(other, host) == first, "half of one edition and half of another"
    page.get_by_role("button", name="Use the newer edition").click()
    says(page, KEPT)
    assert home(other, host) == "A newer home"
    other.goto(f"{host.url}topics/")
    expect(other.locator("article h1")).to_contain_text("topic")
    other.close()

    # A window alone has the next one with the next page; that page asks for itself a second time.
    host.change("index.html", "A newer home", "The newest home")
    host.deploy()
    page.goto(host.url + PAGE)
    says(page, "A newer edition is here in whole")
    page.goto(f"{host.url}#more", wait_until="commit")
    expect(page.locator("h1")).to_contain_text("The newest home")
    expect(page).to_have_url(f"{host.url}#more")
    # What cannot be unpacked any more comes from the network.
    page.evaluate(SPOIL, f"{host.url}topics/")
    page.goto(f"{host.url}topics/")
    expect(page.locator("article h1")).to_contain_text("topic")
    page.context.set_offline(True)
    assert home(page, host) == "The newest home"
    assert len(page.evaluate("caches.keys()")) == 1


@pytest.mark.timeout(600)
def test_an_edition_that_breaks_off_changes_nothing(host: Host, new_page: NewPage) -> None:
    page = new_page()
    keep(page, host)
    before = home(page, host)
    host.change("index.html", before, "A newer home")
    host.change("topics/index.html", "</h1>", " (newer)</h1>")
    host.deploy()
    # Half of the deployment has arrived.
    late = host.folder / "topics/index.html"
    text = late.read_text(encoding="utf-8")
    late.unlink()
    page.goto(host.url + PAGE)
    says(page, "A newer edition could not be fetched in whole")
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
    says(page, "did not come in whole")
    page.wait_for_function(f"async () => String(await ({NOTHING_THERE})()) === '0,0'")

    shutil.move(moved, host.folder / "topics")
    page.get_by_role("button", name="Keep this site offline").click()
    says(page, KEPT)


@pytest.mark.timeout(600)
def test_a_reader_stops_keeps_and_lets_go_of_all_of_it_by_keyboard(
    host: Host, new_page: NewPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, get = threading.Event(), PagesHandler.do_GET

    def hold(handler: PagesHandler) -> None:
        if handler.path.endswith("/topics/"):
            held.wait(MINUTE / 1000)
        with suppress(ConnectionError):
            get(handler)

    monkeypatch.setattr(PagesHandler, "do_GET", hold)
    page = new_page()
    page.goto(host.url + PAGE)
    page.evaluate("caches.open('of another site')")
    button = page.get_by_role("button", name="Keep this site offline")
    button.press("Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    page.keyboard.press("Enter")
    says(page, "Stopped: nothing is kept")
    expect(button).to_be_focused()
    assert page.evaluate(NOTHING_THERE) == [0, 1]
    held.set()

    # Again in the same window, which has the old worker alive when the site is kept for the second time.
    for _ in range(2):
        page.keyboard.press("Enter")
        says(page, KEPT)
        assert len(page.evaluate("caches.keys()")) == 2
        page.get_by_role("button", name="Remove it from this device").press("Enter")
        says(page, "Removed: nothing is kept")
        assert page.evaluate("caches.keys()") == ["of another site"]
    # The page that is open outlives it; the next one comes from the network.
    response = page.goto(host.url)
    assert response
    assert not response.from_service_worker
    assert page.evaluate(NOTHING_THERE) == [0, 1]


@THOROUGH
@pytest.mark.timeout(600)
def test_no_state_of_the_control_has_a_finding(host: Host, new_page: NewPage) -> None:
    page = new_page(size=NARROW)
    keep(page, host)
    found = []
    for palette in ("light", "dark"):
        page.emulate_media(color_scheme=palette)
        page.reload()
        says(page, KEPT)
        found += findings(page, f"kept, {palette}")
    page.get_by_role("button", name="Remove it from this device").click()
    says(page, "Removed")
    found += findings(page, "nothing kept, dark")
    assert not found, "\n".join(found)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("delete Navigator.prototype.serviceWorker", "does not let a site be kept"),
        ("ServiceWorkerContainer.prototype.getRegistration = () => Promise.reject(new Error())", "refuses"),
    ],
)
def test_a_browser_that_keeps_no_sites_says_so(site: Site, new_page: NewPage, change: str, said: str) -> None:
    page = new_page(service_workers="block")
    page.add_init_script(change)
    page.goto(PAGE)
    says(page, said)


def test_the_app_starts_at_the_sites_root_wherever_that_is(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.goto(PAGE)
    manifest = page.evaluate(
        """async () => {
          const { href } = document.querySelector("link[rel=manifest]");
          const manifest = await (await fetch(href)).json();
          const [start, scope] = [manifest.start_url, manifest.scope].map((u) => new URL(u, href).href);
          const touch = document.querySelector("link[rel=apple-touch-icon]").href;
          const icons = [...manifest.icons.map(({ src }) => new URL(src, href).href), touch];
          const types = await Promise.all(icons.map(async (icon) => (await fetch(icon)).headers.get("content-type")));
          return { start, scope, types, sizes: manifest.icons.map(({ sizes }) => sizes) };
        }"""
    )
    assert manifest == {
        "start": site.url,
        "scope": site.url,
        "types": ["image/svg+xml", "image/png", "image/png", "image/png"],
        "sizes": ["any", "192x192", "512x512"],
    }
