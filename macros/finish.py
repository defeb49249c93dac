"""What is added to a site that the generator has built: `python -m macros site`.

The Markdown of each page is laid beside it, and what is made of the built pages themselves is made: the page to be printed, the
licenses of what others wrote, the files that all pages load, joined, what each page allows itself, and what keeps the site on a
reader's device.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from macros import exports, join, markdown_files, notices, offline, policy, printable
from macros.site import Site

STAGED = Path(__file__).parent.parent / ".cache" / "finish"
"""What the build leaves for this step: `site.json`, and in `markdown` the pages' texts, which below docs/ would be pages."""


def stage(texts: Mapping[str, str], site: Site) -> None:
    """Keep what the step needs: the Markdown of pages by their addresses, and the site's facts. What was there goes."""
    markdown = STAGED / "markdown"
    files = {f"{address}{markdown_files.NAME}": text for address, text in texts.items()}
    for file in markdown.rglob("*.md"):
        if file.relative_to(markdown).as_posix() not in files:
            file.unlink()
    exports.write(markdown, files)
    exports.write(STAGED, {"site.json": json.dumps(site._asdict(), indent=2) + "\n"})


def lay_markdown(site_dir: Path) -> None:
    """Put the pages' Markdown beside them."""
    shutil.copytree(STAGED / "markdown", site_dir, dirs_exist_ok=True)


def lay_printable(site_dir: Path, site: Site) -> None:
    """Make the page of all questions out of theirs."""
    catalog = json.loads((site_dir / "questions.json").read_text(encoding="utf-8"))
    chapters = []
    for question in catalog["questions"]:
        address = question["url"].removeprefix(site.url)
        html = (site_dir / address / "index.html").read_text(encoding="utf-8")
        chapters.append(printable.Chapter(question["number"], question["title"], address, html))
    sheets = printable.sheets(chapters[0].html, chapters[0].address) if chapters else []
    exports.write(site_dir, {f"{printable.ADDRESS}index.html": printable.page(chapters, site, sheets)})


def finish(site_dir: Path) -> None:
    """Do all of it for the site in that folder."""
    site = Site(**json.loads((STAGED / "site.json").read_text(encoding="utf-8")))
    lay_markdown(site_dir)
    lay_printable(site_dir, site)
    exports.write(site_dir, {notices.ADDRESS: notices.notices(site_dir)})
    join.write(site_dir)
    policy.write(site_dir)
    # Last, as it tells of all the others.
    offline.write(site_dir)
