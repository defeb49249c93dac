"""The way out: the same sources built by Zensical, compared with the site that MkDocs built, file by file and page by page.

Zensical is the named successor of the theme. It builds as it would on the day it takes over: from sources in which no build has
written, after `python -m macros prepare`, and without MkDocs. Every file that both write has to be the same to the byte, and every page the same from
its first element to its last, but for what DIFFERENT_FILES, ONLY_HERE, ONLY_THERE and DIFFERENCES list. The comparison is exact,
so an entry that is no longer needed fails a test as a missing one does. What follows for that day is told in
docs/contributing/successor.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.conftest import ROOT, copy_sources
from tests.site.conftest import NewPage, Site, Watch
from tests.site.server import Server
from tests.thorough import THOROUGH

pytestmark = THOROUGH

COMPLETE = "questions/technical/rate-limiting/"

# Files of the same name that are not the same, each with what differs in it and the reason. The rest of them is compared.
DIFFERENT_FILES = {
    "licenses.txt": (
        r"Material for MkDocs|Zensical|Copyright.*",
        "names whose templates and style sheets these are, and icons of another year",
    ),
    "assets/joined/site.css": (
        r"(?s)\A.*?(?=\[data-md-color-scheme\]\{)",
        "begins with other style sheets: Zensical's variant `classic` of Material's. Ours follow",
    ),
    "offline.json": (
        r'"(release|sha256|bytes)": *("\w+"|\d+)',
        "has the hashes and sizes of these two and of the pages",
    ),
    "worker.js": (r'RELEASE = "\w+"', "carries the hash of offline.json"),
}
ONLY_HERE = {
    "sitemap.xml.gz": "Zensical does not compress the sitemap",
    "assets/stylesheets/main.*.min.css": "Material's sheet, joined with ours",
    "assets/stylesheets/palette.*.min.css": "its colors, joined with ours",
}
ONLY_THERE = {
    "assets/stylesheets/classic/*": "its sheets in Material's look, joined with ours",
    "assets/stylesheets/modern/*": "its sheets in a look of its own",
}


class Difference(NamedTuple):
    """What stands in a page that the other generator writes otherwise, and what is compared in its place."""

    name: str
    pattern: str
    replacement: str
    why: str


DIFFERENCES = (
    Difference("generator", r'<meta name="generator" content="[^"]*">', "", "each gives its own name"),
    Difference(
        "storage",
        r"<script>__md_scope=new URL\(.*?</script>",
        "<script>__md_scope</script>",
        "the theme's way to the storage, in words of its own: what our scripts use of it is asked in a browser",
    ),
    Difference("hash", r"'sha256-[\w+/=]+'", "'sha256'", "the policy's hash of that script"),
    Difference(
        "settings",
        r'<script id="__config" type="application/json">(?:(?!</script>).)*?"base": *"([^"]*?)/?"(?:(?!</script>).)*</script>',
        r'<script id="__config">\1</script>',
        "what the theme's script reads, which no page here loads; the way to the site's root, which ours read, is compared",
    ),
    Difference(
        "way past the header",
        r'<div data-md-component="skip">\s*(?:<a href="#[^"]*" class="md-skip">\s*Skip to content\s*</a>\s*)?</div>',
        "",
        "the theme's own, after ours: Material has it on pages with sections, Zensical on every page, to another place",
    ),
    Difference(
        "its end", r'\s*<a id="__skip"[^>]*></a>|<a id="q\d+-__skip"></a>\n *', "", "where Zensical's leads"
    ),
    Difference(
        "overlay",
        r'(<label class="md-overlay" for="__drawer") aria-hidden="true"',
        r"\1",
        "Zensical hides from screen readers what closes the menu; it has no name",
    ),
    Difference(
        "dialog",
        r'(data-md-component="dialog") role="status" aria-atomic="true"',
        r"\1",
        "Zensical has screen readers read the theme's messages; ours have an element of their own",
    ),
    Difference(
        "entries",
        r'(<span class="md-ellipsis">)<span class="md-typeset">([^<]*)</span>',
        r"\1\2",
        "an element more around each entry of the table of contents",
    ),
    Difference(
        "icon",
        r"<!--! Font Awesome Free [\d.]+ by [^>]*--><path[^>]*>",
        "<path/>",
        "an icon of the header, of another release of Font Awesome",
    ),
    Difference(
        "search",
        r' data-search-exclude(?:="")?',
        "",
        "what Material's search passes over; Zensical takes the attribute out again",
    ),
    Difference(
        "headings of topics",
        r'(<h2 id="tag:[^"]*">)\s*(<span class="md-tag">[^<]*</span>)(?:<a class="headerlink"[^>]*>[^<]*</a>)?\s*(?=</h2>)',
        r"\1\2",
        "Zensical gives a topic's heading an id and no link to itself",
    ),
    Difference(
        "addresses",
        r'\b(href|src)="(?:\./)*(?:\.(?="))?',
        r'\1="',
        "Zensical begins relative addresses with `./`, and that of the page at hand is empty",
    ),
    Difference("apostrophes", "&#(?:39|x27);", "'", "the number of the same sign"),
    Difference("root", r'(href="/[^"]*/)\.(?=")', r"\1", "the same in the page for wrong addresses"),
)


def spaced(html: str) -> str:
    """The page without the space that templates leave: empty lines in an article, and any line's end around it.

    Listings keep theirs, which readers see.
    """
    head, opening, rest = html.partition("<article")
    article, closing, foot = rest.rpartition("</article>")
    around = (re.sub(r"\s*\n\s*", "\n", part) for part in (head, foot))
    head, foot = (re.sub(r"\n?([<>])\n?", r"\1", part) for part in around)
    parts = re.split(r"(<pre\b.*?</pre>)", article, flags=re.DOTALL)
    parts[::2] = (re.sub(r"\n\s*\n", "\n", part) for part in parts[::2])
    return "".join([head, opening, *parts, closing, foot])


def compared(html: str, differences: Collection[Difference] = DIFFERENCES) -> str:
    """What of a page has to be the same."""
    for difference in differences:
        html = re.sub(difference.pattern, difference.replacement, html, flags=re.DOTALL)
    return html


def first_difference(here: str, there: str) -> str:
    """Where two texts part, with what stands around it."""
    at = next(
        (at for at, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there))
    )
    start = max(0, at - 60)
    return f"\n    here: {here[start : at + 120]!r}\n   there: {there[start : at + 120]!r}"


# What docs/contributing/successor.md has maintainers run on the day, in one process: the figures, which take most of the time
# to prepare, are then computed once.
STEPS = """\
import runpy, sys

for step in (["macros", "prepare"], ["zensical", "build", "--strict"], ["macros", "site"]):
    sys.argv = step
    try:
        runpy.run_module(step[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code:
            raise
"""

WITHOUT_MKDOCS = """\
import sys
from importlib import metadata

GONE = ("mkdocs", "mkdocs-macros-plugin", "mkdocs-material")
sys.modules.update(dict.fromkeys(("mkdocs", "mkdocs_macros", "material")))
found = metadata.Distribution.from_name


def from_name(name):
    if name in GONE:
        raise metadata.PackageNotFoundError(name)
    return found(name)


metadata.Distribution.from_name = from_name
"""
"""The module that Python runs first: what is taken out on the day is not to be found."""


class Successor(NamedTuple):
    folder: Path
    addresses: list[str]
    """Of every HTML file, as `Site.addresses` has them."""
    pages: dict[str, tuple[str, str]]
    """The HTML of every page of both sites that is not the same to the byte, by address: MkDocs's and Zensical's, both `spaced`."""


def copy_clean_sources(project: Path) -> None:
    """What a checkout has in which nothing was ever built, but for the libraries that make has fetched and what is drawn."""
    shutil.copy(ROOT / "mkdocs.yml", project)
    copy_sources(project)
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    generated = {line.strip("/") for line in ignored if line.startswith(("/docs/", "/overrides/"))}
    for path in [path for name in generated - {"docs/assets/vendor"} for path in project.glob(name)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def both(site: Site, folder: Path) -> Successor:
    """The pages of both sites, as they are compared."""
    there = Site(folder, site.site_url, site.url)
    addresses = there.addresses()
    pages = {
        address: (spaced(html), spaced(other))
        for address in site.addresses()
        if address in addresses and (html := site.html(address)) != (other := there.html(address))
    }
    return Successor(folder, addresses, pages)


@pytest.fixture(scope="module")
def successor(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Successor:
    """A site that Zensical built from a copy of the sources, for the same address."""
    project = tmp_path_factory.mktemp("zensical")
    copy_clean_sources(project)
    (project / "sitecustomize.py").write_text(WITHOUT_MKDOCS, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(project),
        "SITE_URL": site.site_url,
        # The copy has the sources' history, which dates the pages.
        "GIT_DIR": str(ROOT / ".git"),
        "GIT_WORK_TREE": str(project),
    }
    done = subprocess.run(
        [sys.executable, "-c", STEPS],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return both(site, project / "site")


@pytest.fixture
def url(site: Site, successor: Successor) -> Iterator[str]:
    """Address of the landing page of Zensical's site, served on this machine."""
    server = Server()
    prefix = urlsplit(site.url).path
    server.serve(successor.folder, prefix)
    yield f"http://127.0.0.1:{server.server_address[1]}{prefix}"
    server.close()


def files(folder: Path) -> dict[str, Path]:
    """All files but pages, by their path below the folder."""
    found = (file for file in folder.rglob("*") if file.is_file() and file.suffix != ".html")
    return {file.relative_to(folder).as_posix(): file for file in found}


def faults(names: Collection[str], listed: Collection[str], what: str) -> list[str]:
    """Names that no pattern of the list has, and patterns that no name meets. `what` says why a name has to be listed."""
    strays = [name for name in sorted(names) if not any(fnmatch(name, pattern) for pattern in listed)]
    needless = [pattern for pattern in listed if not any(fnmatch(name, pattern) for name in names)]
    return [f"{name} {what}" for name in strays] + [
        f"{pattern} is listed and not needed" for pattern in needless
    ]


def test_both_write_the_same_files(site: Site, successor: Successor) -> None:
    here, there = files(site.folder), files(successor.folder)
    # The index of our search, the sitemap, the feed, the pages' Markdown, what is made for agents, the cards and the rest.
    both = here.keys() & there.keys()
    different = {name for name in both if here[name].read_bytes() != there[name].read_bytes()}
    found = [
        *faults(here.keys() - there.keys(), ONLY_HERE, "is not there"),
        *faults(there.keys() - here.keys(), ONLY_THERE, "is there alone"),
        *faults(different, DIFFERENT_FILES, "is another there"),
    ]
    for name in different & DIFFERENT_FILES.keys():
        pattern, _ = DIFFERENT_FILES[name]
        rests = [re.sub(pattern, "", file.read_text(encoding="utf-8")) for file in (here[name], there[name])]
        if len(set(rests)) > 1:
            found.append(f"{name} differs in more than is listed: {first_difference(*rests)}")
    assert not found, "\n".join(found)


def test_every_page_is_the_same_to_its_last_element(site: Site, successor: Successor) -> None:
    here, there = set(site.addresses()), set(successor.addresses)
    assert here == there, f"not there: {sorted(here - there)}; there alone: {sorted(there - here)}"
    differing = {
        address: first_difference(*found)
        for address, pair in successor.pages.items()
        if len(set(found := [compared(html) for html in pair])) > 1
    }
    assert not differing, "\n".join(f"{address or '/'}: {what}" for address, what in differing.items())


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_the_listed_difference_is_still_there(successor: Successor, difference: Difference) -> None:
    others = [other for other in DIFFERENCES if other != difference]
    met = re.compile(difference.pattern, re.DOTALL)
    pages = [pair for pair in successor.pages.values() if any(met.search(html) for html in pair)]
    needed = any(compared(here, others) != compared(there, others) for here, there in pages)
    assert needed, f"Nothing differs by it any more: take {difference.name!r} out of DIFFERENCES"


def test_its_pages_work_as_ours_do(site: Site, url: str, watch: Watch, new_page: NewPage) -> None:
    """Under the policy, which `watch` tells of: the menu, the palette, what follows the reader, the answer, the search."""
    watch.host = urlsplit(url).netloc
    page = new_page()
    page.goto(f"{url}{COMPLETE}#model-answer")
    expect(page.locator("details.answer")).to_have_attribute("open", "")
    page.evaluate("document.getElementById('pitfalls').scrollIntoView()")
    at_hand = page.locator(".md-sidebar--secondary .md-nav__link--active")
    expect(at_hand).to_have_attribute("href", "#pitfalls")
    expect(page.locator(".md-tabs")).to_have_attribute("hidden", "")
    page.get_by_role("button", name="Switch to the dark palette").click()
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")

    page.get_by_role("button", name="Search").click()
    results = page.locator("dialog.search").get_by_role("link")
    page.locator("dialog.search input[type=search]").fill("throttling")
    expect(results.first).to_have_attribute("href", re.compile("rate-limiting"))
    results.first.click()
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
