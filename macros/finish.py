"""What is added to a site that the generator has built: `python -m macros site`.

What nobody asks for goes, the Markdown of each page is laid beside it, and what is made of the built pages themselves is made: the
page to be printed, the licenses of what others wrote, the files that all pages load, joined, what each page allows itself, and what
keeps the site on a reader's device.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from macros import files, join, markdown_files, notices, offline, policy, printable
from macros.faults import Fault, SourceError
from macros.places import CACHE
from macros.site import Site

STAGED = CACHE / "finish"
"""What a build leaves for this step, in a folder for each site: the site's facts in FACTS, where it is built in PLACE, and in
MARKDOWN the pages' texts, which below docs/ would be pages: in one file, as a thousand take seconds to be written and removed."""

_UNUSED = (
    # The theme's scripts, what they read of tags and words, and what browsers' tools read of them: pages load ours alone.
    *(
        "assets/javascripts/*.min.js",
        "assets/javascripts/LICENSE",
        "assets/javascripts/lunr",
        "assets/javascripts/workers",
    ),
    *("assets/**/*.map", "tags.json", "search.json"),
)

FACTS, PLACE, MARKDOWN = "site.json", "place.txt", "markdown.json"


def stage(texts: Mapping[str, str], site: Site, site_dir: Path) -> None:
    """Keep what the step needs: the Markdown of pages by their addresses, and the site's facts. What was there goes."""
    _forget_sites_that_are_gone()
    facts = json.dumps(site._asdict(), indent=2) + "\n"
    staged = {PLACE: f"{site_dir.resolve()}\n", MARKDOWN: json.dumps(dict(texts)), FACTS: facts}
    files.write(_staged(site_dir), staged)


def lay_markdown(site_dir: Path) -> None:
    """Put the pages' Markdown beside them, if that is not done yet. Raises SourceError and OSError."""
    staged = _staged(site_dir) / MARKDOWN
    if not staged.exists():
        return
    try:
        texts = json.loads(staged.read_text(encoding="utf-8"))
        laid = {f"{address}{markdown_files.NAME}": text for address, text in texts.items()}
    except (ValueError, AttributeError) as error:
        raise _not_as_built(site_dir) from error
    files.write(site_dir, laid)
    staged.unlink()


def _staged(site_dir: Path) -> Path:
    """Where two builds at once do not meet."""
    return STAGED / hashlib.sha256(str(site_dir.resolve()).encode()).hexdigest()[:16]


def _forget_sites_that_are_gone() -> None:
    """A server builds into a folder with another name each time."""
    for place in STAGED.glob(f"*/{PLACE}"):
        # One that is damaged names a folder that there is not.
        if not Path(place.read_text(encoding="utf-8", errors="replace").strip()).is_dir():
            shutil.rmtree(place.parent, ignore_errors=True)


def _take_facts(site_dir: Path) -> Site:
    """What the build has said of the site, once: a site that is half finished, or finished, is not to be finished again."""
    facts = _staged(site_dir) / FACTS
    try:
        site = Site(**json.loads(facts.read_text(encoding="utf-8")))
        facts.unlink()
    except (FileNotFoundError, ValueError, TypeError) as error:
        raise _not_as_built(site_dir) from error
    return site


def _not_as_built(site_dir: Path) -> SourceError:
    fault = "is not as the generator has just built it, so nothing can be added"
    return SourceError([Fault(site_dir, None, fault, "build it again: make build")])


def lay_printable(site_dir: Path, site: Site) -> None:
    """Make the page of all questions out of theirs, or a page for each category and one that leads to them."""
    questions = json.loads((site_dir / "questions.json").read_text(encoding="utf-8"))["questions"]
    entries = [
        printable.Entry(q["number"], q["title"], q["category"], q["url"].removeprefix(site.url))
        for q in questions
    ]
    parts = printable.parts(entries)
    sheets: list[str] = []
    # A page after the other, as a large one takes some memory.
    for address, part in parts.items():
        chapters = [
            printable.Chapter(
                entry.number,
                entry.title,
                entry.address,
                (site_dir / entry.address / "index.html").read_text(encoding="utf-8"),
            )
            for entry in part
        ]
        sheets = sheets or [
            sheet for first in chapters[:1] for sheet in printable.sheets(first.html, first.address)
        ]
        page = printable.page(chapters, site, sheets, CACHE / "print", address, parts)
        files.write(site_dir, {f"{address}index.html": page})
    if printable.ADDRESS not in parts:
        page = printable.index(parts, site, sheets)
        files.write(site_dir, {f"{printable.ADDRESS}index.html": page})


def drop_unused(site_dir: Path) -> None:
    """Remove what generators and their themes put into every site, and no page of this one asks for. Raises OSError."""
    for pattern in _UNUSED:
        for path in list(site_dir.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def finish(site_dir: Path) -> None:
    """Do all of it for the site in that folder, once. Raises SourceError and OSError."""
    site = _take_facts(site_dir)
    drop_unused(site_dir)
    # Most of its work is to read the pages that are there, which takes as long as to make the others.
    with join.writing(site_dir) as joining:
        lay_markdown(site_dir)
        lay_printable(site_dir, site)
        files.write(site_dir, {notices.ADDRESS: notices.notices(site_dir)})
        joining.has_all_pages()
        policy.write(site_dir, CACHE / "policy", partial(join.relinked, sheets=joining.sheets))
    # Last, as it tells of all the others.
    offline.write(site_dir)
