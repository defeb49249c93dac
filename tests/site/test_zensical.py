"""The way out: the same sources built by Zensical, compared page by page with the site that MkDocs built.

Zensical is the named successor of the theme. What differs stands in DIFFERENT_FILES and ONLY_HERE, and the
comparison is exact, so an entry that is no longer needed fails the test as a missing one does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from tests.conftest import ROOT, copy_sources
from tests.site.conftest import PRINT, Site

# Files that only one of the two writes: a search index of its own, its tag index, a compressed sitemap.
DIFFERENT_FILES = {"tags.json", "sitemap.xml.gz", "search.json"}
# Ids that Zensical's own template adds to the article.
ONLY_THERE = {"__skip"}


@pytest.fixture(scope="module")
def successor(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that Zensical built from a copy of the sources, for the same address."""
    project = tmp_path_factory.mktemp("zensical")
    shutil.copy(ROOT / "mkdocs.yml", project)
    copy_sources(project)
    build = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=project,
        env={
            **os.environ,
            "PYTHONPATH": str(project),
            "SITE_URL": site.site_url,
            # The copy has the sources' history, which dates the pages.
            "GIT_DIR": str(ROOT / ".git"),
            "GIT_WORK_TREE": str(project),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stdout + build.stderr
    # What the step after the build adds comes from the sources, whoever built.
    subprocess.run([sys.executable, "-m", "macros", "site"], cwd=project, check=True)
    return project / "site"


def files(folder: Path) -> set[str]:
    """Paths of all files but those that the theme itself brings."""
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    return {name for name in names if not name.startswith("assets/") or (ROOT / "docs" / name).is_file()}


def article(file: Path) -> tuple[Tag, Tag]:
    html = file.read_text(encoding="utf-8")
    head, opening, rest = html.partition("<article")
    if opening:
        # What stands around it is the template's, and takes half of the time; so do the colors of listings.
        html = f"{head.partition('</head>')[0]}</head><body>{opening}{rest.partition('</article>')[0]}</article></body>"
    page = BeautifulSoup(re.sub(r'<span class="\w{1,3}">([^<]*)</span>', r"\1", html), "html.parser")
    main = page.select_one("article") or page.body
    assert main
    for addition in main.select(".headerlink, .md-source-file, .md-content__button"):
        addition.decompose()
    return page, main


def test_both_write_the_same_files(site: Site, successor: Path) -> None:
    assert files(site.folder) ^ files(successor) == DIFFERENT_FILES


def test_every_page_has_the_same_words_ids_links_and_diagrams(site: Site, successor: Path) -> None:
    differing: list[str] = []
    for address in set(site.addresses()) - {PRINT}:
        file = site.file(address)
        here, there = article(file), article(successor / file.relative_to(site.folder))
        for what, of in {
            "title": lambda page, main: page.title.text,
            "text": lambda page, main: main.get_text(" ", strip=True).split(),
            "ids": lambda page, main: [
                tag["id"] for tag in main.select("[id]") if tag["id"] not in ONLY_THERE
            ],
            "links": lambda page, main: [tag["href"] for tag in main.select("a[href]")],
            "diagrams": lambda page, main: [str(tag) for tag in main.select("svg[role=img]")],
        }.items():
            if of(*here) != of(*there):
                differing.append(f"{address or '/'}: {what}")
    assert not differing


def test_every_page_tells_other_sites_the_same(site: Site, successor: Path) -> None:
    told = "link[rel=canonical], meta[property], meta[name], script[type='application/ld+json']"
    own = {"generator", "viewport"}
    for address in site.pages():
        here, there = (
            [
                str(tag)
                for tag in article(folder / address / "index.html")[0].select(told)
                if tag.get("name") not in own
            ]
            for folder in (site.folder, successor)
        )
        assert here == there, address
    assert (site.folder / "sitemap.xml").read_text() == (successor / "sitemap.xml").read_text()


def test_the_listed_additions_are_still_there(successor: Path) -> None:
    for found in ONLY_THERE:
        assert article(successor / "index.html")[1].select(f"[id='{found}']")
