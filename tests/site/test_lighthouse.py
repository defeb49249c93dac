"""Lighthouse on every type of page, as a phone and as a desktop show it: 100 of 100 for accessibility, best practices and SEO.

It takes a quarter of a minute a page, so it runs in `make check` and `make lighthouse`, and not in `make test`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.site.conftest import PRINT, Site
from tests.site.lighthouse import Form, Job, run
from tests.site.shots import TYPES
from tests.thorough import THOROUGH

NOWHERE = "nowhere/"
PAGES = (*TYPES.values(), "templates/incident-runbook/", "contributing/", PRINT, NOWHERE)
CATEGORIES = ("accessibility", "best-practices", "seo")

CHAPTER = '<article class="printable__question">'

# (page, audit) -> why it cannot pass. An entry that is not needed fails the test, as a fault without one does.
CANNOT_PASS = {
    (NOWHERE, "http-status-code"): "the page for wrong addresses comes with the status 404, which it is for",
    (NOWHERE, "errors-in-console"): "the browser logs that status as an error",
    (
        PRINT,
        "is-crawlable",
    ): "what it says stands on the questions' pages, which are to be found in its place",
}

pytestmark = [
    THOROUGH,
    pytest.mark.timeout(3600),
]


@pytest.fixture
def shortened(site: Site, tmp_path: Path) -> Path:
    """The page to print with a question and a drill: Lighthouse gives axe half a minute, in which it does not get through all."""
    opening, *chapters = site.html(PRINT).split(CHAPTER)
    last, ending = chapters.pop().split("</main>")
    chapters.append(last)
    kept = [chapters[0], chapters[-1]]
    (tmp_path / "index.html").write_text(CHAPTER.join([opening, *kept]) + f"</main>{ending}", "utf-8")
    return tmp_path


@pytest.mark.parametrize("form", ["phone", "desktop"])
def test_every_type_of_page_has_full_marks(site: Site, shortened: Path, form: Form) -> None:
    # As it is published, whatever the build was told: browsers hold an unsafe connection against a page.
    root = site.site_url.replace("http:", "https:", 1)
    folders = {root + PRINT: shortened, root: site.folder}
    jobs = [Job(root + page, form, CATEGORIES) for page in PAGES]
    found: list[str] = []
    excused = set()
    for page, result in zip(PAGES, run(folders, jobs), strict=True):
        if result.error:
            found.append(f"{page}: {result.error}")
        for fault in result.faults:
            if (page, fault.audit) in CANNOT_PASS:
                excused.add((page, fault.audit))
                continue
            score = result.scores[fault.category]
            found.append(f"{page or '/'}: {fault.category} {score}: {fault.audit}: {fault.title}")
            found += [f"    {item}" for item in fault.items]
        # What takes from a score is one of its faults; without any, it has to be full.
        if not result.faults:
            found += [f"{page}: {name} {score}" for name, score in result.scores.items() if score != 100]
    assert not found, "\n".join(found)
    assert excused == set(CANNOT_PASS), "an exception that is not needed"
