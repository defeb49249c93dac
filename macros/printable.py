"""The pages of a built site -> one page of all questions with everything open, to be printed; of many, a page for each category.

What a page has to show is what the generator made of it, so the articles are taken out of the built pages and put one after
the other: headings a level deeper, blocks open, ids and what refers to them with the question's number before them, links to
other questions within these pages, all others absolute, as paper and a PDF have no address to start from. What only a screen can use is left out.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from macros import render, store
from macros.cores import on_all
from macros.question import Category
from macros.site import Site
from macros.texts import opened

ADDRESS = "print/"
PARTS_FROM = 100
"""So many questions nobody prints at once, and a browser shows their page in seconds: they get a page for each category."""
SHEET = "assets/stylesheets/print.css"

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_HEADING = re.compile(r"h[1-6]")
# Classes of what belongs to a page on a screen, and elements that do.
_LEFT_OUT = {"headerlink", "page-tools", "page-forms", "to-kit", "related", "guess", "calculator"}
_LEFT_OUT_TAGS = {"script", "button", "textarea"}
_REFERRING = {"id", "for", "headers", "aria-labelledby", "aria-describedby", "aria-controls"}
_END = "</article>"
_LISTING = re.compile(r"(<code\b[^>]*>)(.*?)</code>", re.DOTALL)
_TAG = re.compile(r'<(?:[^<>"]|"[^"]*")*>')
_URL = re.compile(r"url\(#([^)]+)\)")


class Entry(NamedTuple):
    """A question: its number, title, category, and address below the site's root."""

    number: int
    title: str
    category: str
    address: str


class Chapter(NamedTuple):
    """A question: its number, title, address below the site's root, and the HTML of its page."""

    number: int
    title: str
    address: str
    html: str


Parts = Mapping[str, Sequence[Entry]]
"""The questions on each page to print, by its address. What is not ADDRESS is for one category."""


def parts(entries: Sequence[Entry]) -> Parts:
    """One page of few questions; of many, one for each category."""
    if len(entries) < PARTS_FROM:
        return {ADDRESS: entries}
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(f"{ADDRESS}{entry.category}/", []).append(entry)
    return found


def page(
    chapters: Iterable[Chapter],
    site: Site,
    sheets: Iterable[str],
    cache: Path | None = None,
    address: str = ADDRESS,
    others: Parts | None = None,
) -> str:
    """The page at `address` with these chapters; `others` may lead to what is on the other pages.

    `sheets` are the addresses of style sheets below the site's root. `cache` is a folder in which what is made of a chapter is kept by content.
    """
    chapters = tuple(chapters)
    root = render.root_of(address)
    targets = {
        entry.address: f"{root}{place}#q{entry.number}"
        for place, entries in (others or {}).items()
        for entry in entries
    } | {chapter.address: f"#q{chapter.number}" for chapter in chapters}
    articles = _articles(chapters, targets, site.url, cache)
    contents = _contents((chapter.number, chapter.title, f"#q{chapter.number}") for chapter in chapters)
    if address == ADDRESS:
        title, said = "All questions and answers", f"All {len(chapters)} questions with every answer open"
    else:
        label = Category(address.removeprefix(ADDRESS).rstrip("/")).label
        title = f"{label}: questions and answers"
        said = f"{label}: {len(chapters)} of {len(targets)} questions, with every answer open"
    return _framed(site, address, title, said, f"<ol>\n{contents}\n</ol>\n", "".join(articles), sheets)


def index(parts: Parts, site: Site, sheets: Iterable[str]) -> str:
    """The page at ADDRESS where the questions are on several."""
    lists = []
    for address, entries in parts.items():
        here = address.removeprefix(ADDRESS)
        contents = _contents((entry.number, entry.title, f"{here}#q{entry.number}") for entry in entries)
        label = Category(here.rstrip("/")).label
        lists.append(f'<h3><a href="{here}">{label}</a></h3>\n<ol>\n{contents}\n</ol>\n')
    count = sum(map(len, parts.values()))
    said = f"All {count} questions with every answer open, on a page for each category"
    return _framed(site, ADDRESS, "All questions and answers", said, "".join(lists), "", sheets)


def _contents(entries: Iterable[tuple[int, str, str]]) -> str:
    return "\n".join(
        f'<li value="{number}"><a href="{target}">{escape(title)}</a></li>'
        for number, title, target in entries
    )


def _framed(
    site: Site, address: str, title: str, said: str, contents: str, articles: str, sheets: Iterable[str]
) -> str:
    root = render.root_of(address)
    links = "\n".join(f'<link rel="stylesheet" href="{root}{escape(sheet)}">' for sheet in (*sheets, SHEET))
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{escape(title)} - {escape(site.name)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="{escape(site.description)}">
<meta name="robots" content="noindex">
<link rel="canonical" href="{escape(site.url)}{address}">
<link rel="icon" href="{root}assets/images/favicon.png">
<link rel="alternate feed" type="application/atom+xml" href="{root}feed.xml" title="Changed questions">
{links}
</head>
<body dir="ltr" data-md-color-scheme="default" data-md-color-primary="custom" data-md-color-accent="custom">
<main class="md-typeset printable">
<header class="printable__cover">
<h1>{escape(site.name)}</h1>
<p>{escape(site.description)}</p>
<p>{said}, from {escape(site.url)}</p>
<p class="printable__back"><a href="{root}take-away/">Back to the site</a></p>
<p>{escape(site.copyright)}</p>
</header>
<nav class="printable__contents" aria-labelledby="contents">
<h2 id="contents">Contents</h2>
{contents}</nav>
{articles}</main>
</body>
</html>
"""


def sheets(html: str, address: str) -> list[str]:
    """The style sheets of a built page at `address`, by their addresses below the site's root."""
    found = re.findall(r'<link rel="stylesheet" href="([^"]+)"', html)
    return [posixpath.normpath(posixpath.join(address, href)) for href in found]


def _articles(
    chapters: Sequence[Chapter], targets: Mapping[str, str], site_url: str, cache: Path | None
) -> list[str]:
    """The chapters' articles, from the cache where they are there."""
    if cache is None:
        return [_article(chapter, targets, site_url) for chapter in chapters]
    entries = [(cache / f"{chapter.number}.html", _key(chapter, targets, site_url)) for chapter in chapters]
    found = [store.read(path, key) for path, key in entries]
    missing = [at for at, data in enumerate(found) if data is None]
    make = partial(_article, targets=targets, site_url=site_url)
    for at, article in zip(missing, on_all(make, [chapters[at] for at in missing]), strict=True):
        found[at] = article.encode()
        store.write(*entries[at], article.encode())
    return [(data or b"").decode() for data in found]


def _key(chapter: Chapter, targets: Mapping[str, str], site_url: str) -> str:
    """Content hash of all that the article depends on: of the other questions, those alone that it leads to."""
    article = _article_of(chapter.html)
    # Nine of ten stay on the page or leave the site, and are not worth the look.
    starts = {start.partition('"')[0] for start in article.split('href="')[1:]}
    hrefs = {href for href in starts if not href.startswith(("#", "http"))}
    places = {_address(chapter, urlsplit(unescape(href)).path) for href in hrefs}
    known = sorted((place, targets[place]) for place in places & targets.keys())
    digest = hashlib.sha256(article.encode()).hexdigest()
    return store.key_of([store.makers(), site_url, chapter.number, chapter.address, digest, known])


def _article_of(html: str) -> str:
    """The page's article, with its tags; empty where it has none."""
    start = html.find("<article")
    end = html.find(_END, start)
    return html[start : end + len(_END)] if 0 <= start < end else ""


def _article(chapter: Chapter, targets: Mapping[str, str], site_url: str) -> str:
    rewriter = _Rewriter(chapter, targets, site_url)
    rewriter.feed(_LISTING.sub(_uncolored, _article_of(chapter.html)))
    rewriter.close()
    return f'<article class="printable__question">\n{"".join(rewriter.out).strip()}\n</article>\n'


def _uncolored(listing: re.Match[str]) -> str:
    """Code without elements in it: paper seldom has colors, and they are half of the page, of its PDF and of the work."""
    return f"{listing[1]}{_TAG.sub('', listing[2])}</code>"


class _Rewriter(HTMLParser):
    """Copies what stands in the page's article, changed as this module's text says."""

    def __init__(self, chapter: Chapter, targets: Mapping[str, str], site_url: str) -> None:
        super().__init__(convert_charrefs=False)
        self._site_url = site_url
        self.out: list[str] = []
        self._chapter = chapter
        self._targets = targets
        self._inside = False
        # How many open elements deep the parser is in one that is left out.
        self._skipped = 0
        # Whether what comes next begins the title of a block.
        self._at_title = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "article":
            self._inside = True
            return
        if not self._inside:
            return
        classes = set((dict(attributes).get("class") or "").split())
        if self._skipped or classes & _LEFT_OUT or tag in _LEFT_OUT_TAGS:
            self._skipped += tag not in _VOID
            return
        self._at_title = tag == "summary"
        self._write(tag, attributes, ">")
        if tag == "h1":
            self.out.append(f"{self._chapter.number}. ")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if self._inside and not self._skipped:
            self._write(tag, attributes, "/>")

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self._inside = False
        elif self._inside and self._skipped:
            self._skipped -= tag not in _VOID
        elif self._inside:
            self.out.append(f"</{_deeper(tag)}>")

    def handle_data(self, data: str) -> None:
        self._copy(opened(data) if self._at_title else data)
        self._at_title = False

    def handle_entityref(self, name: str) -> None:
        self._copy(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._copy(f"&#{name};")

    def _copy(self, text: str) -> None:
        if self._inside and not self._skipped:
            self.out.append(text)

    def _write(self, tag: str, attributes: list[tuple[str, str | None]], end: str) -> None:
        changed = [(name, self._value(name, value)) for name, value in attributes]
        if tag == "h1":
            changed = [("id", f"q{self._chapter.number}")]
        if tag == "details" and "open" not in dict(attributes):
            changed.append(("open", None))
        if dict(attributes).get("tabindex"):
            # It scrolls on a screen; on paper nothing does.
            changed = [(name, value) for name, value in changed if name != "tabindex"]
        written = "".join(
            f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in changed
        )
        self.out.append(f"<{_deeper(tag)}{written}{end}")

    def _value(self, name: str, value: str | None) -> str | None:
        if value is None:
            return None
        if name in _REFERRING:
            return " ".join(map(self._own, value.split()))
        if name == "href":
            return self._target(value)
        return _URL.sub(lambda match: f"url(#{self._own(match[1])})", value)

    def _own(self, id_: str) -> str:
        return f"q{self._chapter.number}-{id_}"

    def _target(self, href: str) -> str:
        parts = urlsplit(href)
        if parts.scheme or parts.netloc:
            return href
        if not parts.path:
            return f"#{self._own(parts.fragment)}"
        address = _address(self._chapter, parts.path)
        if address in self._targets:
            target = self._targets[address]
            return f"{target}-{parts.fragment}" if parts.fragment else target
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        return f"{self._site_url}{'' if address == './' else address}{fragment}"


def _address(chapter: Chapter, path: str) -> str:
    """What a relative link of the chapter's page leads to, by its address below the site's root."""
    slash = "/" if path.endswith("/") else ""
    return posixpath.normpath(posixpath.join(chapter.address, path)) + slash


def _deeper(tag: str) -> str:
    """A heading one level down, as the page's own title stands above all questions'."""
    return f"h{min(6, int(tag[1]) + 1)}" if _HEADING.fullmatch(tag) else tag
