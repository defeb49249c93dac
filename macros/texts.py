"""A page -> plain Markdown that stands by itself: figures and listings in place, blocks as headings, links absolute.

What reads it (people without this site, other programs, the deck of cards) has no macros, no snippets and no collapsed
blocks. The site's own Markdown extension pulls the listings in, so that none can differ from the page's.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markdown import Markdown  # type: ignore[import-untyped]
from markdown.extensions.toc import slugify  # type: ignore[import-untyped]

from macros import render, store, templates
from macros.diagrams.source import parts
from macros.fences import FENCE, HEADING, closes, lines_of
from macros.places import CACHE

_PINNED = re.compile(r"\s*\{:?\s*(?:#([\w.:-]+))?[^{}]*\}$")
_OPENING = re.compile(r"^(/{3,})\s*details\s*\|\s*(.+?)\s*$")
_CLOSING = re.compile(r"^(/{3,})\s*$")
_OPTION = re.compile(r"^ {4}[a-z_]+:.*$")
_TITLED = re.compile(r"\s*([\w+-]*)\s+title=\"([^\"]+)\"\s*")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_TARGET = re.compile(r"\]\(([^)\s]+)")

_LISTED = re.compile(r'^--8<-- "([\w./-]+)(?::[\w-]+)?"$')

CACHE_DIR = CACHE / "texts"
MAKERS = ("jinja2", "Markdown", "pymdown-extensions")
"""The distributions that make a text, beside this package."""

_JINJA = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)

# A heading above already says it: the block adds no level of its own.
_UNNAMED = {"Short answer"}


@dataclass(frozen=True)
class Text:
    """Plain Markdown without a title, and the id that each heading has on the page, by the heading's words."""

    markdown: str
    ids: dict[str, str]

    def section(self, title: str, level: int = 2) -> str:
        """What stands below the first heading of these words and this level; empty where there is none."""
        return dict(self.sections(level)).get(title, "")

    def sections(self, level: int, within: str | None = None) -> tuple[tuple[str, str], ...]:
        """Heading and text of every section of a level, those inside the section `within` of the level above only."""
        known = self._known
        if (level, within) not in known:
            known[level, within] = tuple(self._sections(level, within))
        return known[level, within]

    @cached_property
    def _known(self) -> dict[tuple[int, str | None], tuple[tuple[str, str], ...]]:
        return {}

    def _sections(self, level: int, within: str | None) -> Iterator[tuple[str, str]]:
        text = self.markdown if within is None else self.section(within, level - 1)
        title, lines = "", list[str]()
        for line, code in lines_of(text):
            heading = None if code else HEADING.match(line)
            if heading and len(heading[1]) <= level:
                if title:
                    yield title, "\n".join(lines).strip()
                title, lines = (heading[2] if len(heading[1]) == level else ""), []
            else:
                lines.append(line)
        if title:
            yield title, "\n".join(lines).strip()


def expand(body: str, macros: Mapping[str, Callable[..., Any]], root: Path, name: str) -> str:
    """The Markdown that the generator's parser would see: macros called, listings pulled in from below `root`.

    `name` is that of the compiled text (templates.py). Raises whatever a macro raises, jinja2.TemplateError and pymdownx's SnippetMissingError.
    """
    text = templates.template(_JINJA, body, name).render(**macros)
    return "\n".join(_snippets(root).run(text.split("\n")))


@lru_cache(maxsize=1)
def _snippets(root: Path) -> Any:
    options = {"base_path": [str(root)], "check_paths": True, "dedent_subsections": True}
    parser = Markdown(extensions=["pymdownx.snippets"], extension_configs={"pymdownx.snippets": options})
    return parser.preprocessors["snippet"]


class Texts:
    """The plain texts of pages: in memory for the next build of a server, and in files for that of another process."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Text]] = {}
        self._new: set[str] = set()

    def find(self, source: str, key: str) -> Text | None:
        """The page's text that was kept under the key."""
        if source not in self._known or self._known[source][0] != key:
            if (data := store.read(CACHE_DIR / source, key)) is None:
                return None
            self._known[source] = key, Text(**json.loads(data))
        return self._known[source][1]

    def keep(self, source: str, key: str, text: Text) -> None:
        """Keep the page's text. `end` tells whether that counts."""
        self._known[source] = key, text
        self._new.add(source)

    def end(self, is_undisturbed: bool) -> None:
        """The build is done. What was made of sources that changed meanwhile is of no key, and goes."""
        for source in sorted(self._new):
            key, text = self._known[source]
            if is_undisturbed:
                data = json.dumps({"markdown": text.markdown, "ids": text.ids}, ensure_ascii=False)
                store.write(CACHE_DIR / source, key, data.encode())
            else:
                del self._known[source]
        self._new.clear()


TEXTS = Texts()
"""Those of this process."""


def listed(text: str, root: Path) -> tuple[Path, ...] | None:
    """The files below `root` that a page's listings are cut from; None where that is not plain to see."""
    found = []
    for line in text.splitlines():
        if "8<-" in line:
            if not (match := _LISTED.match(line)):
                return None
            found.append(root / match[1])
    return tuple(dict.fromkeys(found))


def plain(markdown: str, source: str, site_url: str) -> Text:
    """Expanded Markdown of the page at `source` below docs/ -> text that stands by itself."""
    lines = list(lines_of(markdown))
    out: list[str] = []
    ids: dict[str, str] = {}
    # The level of the heading that is in force, and what it was where each open block began.
    level, outer = 1, list[int]()
    at = 0
    while at < len(lines):
        line, code = lines[at]
        at += 1
        if code:
            end = at
            while end < len(lines) and lines[end][1] and not closes(line, lines[end][0]):
                end += 1
            block = [text for text, _ in lines[at - 1 : end + 1]]
            out += _listing(block)
            at = end + 1
        elif opening := _OPENING.match(line):
            while at < len(lines) and _OPTION.match(lines[at][0]):
                at += 1
            outer.append(level)
            title = opened(opening[2])
            if title not in _UNNAMED and not HEADING.match(_following(lines, at)):
                if _is_aside(lines, at):
                    out += ["", f"**{title}**"]
                else:
                    level += 1
                    out += ["", f"{'#' * level} {title}"]
        elif _CLOSING.match(line) and outer:
            level = outer.pop()
        elif heading := HEADING.match(line):
            level = len(heading[1])
            pinned = _PINNED.search(heading[2])
            words = heading[2][: pinned.start()] if pinned else heading[2]
            ids.setdefault(words, (pinned and pinned[1]) or slugify(re.sub(r"[`*]", "", words), "-"))
            out.append(f"{heading[1]} {_absolute(words, source, site_url)}")
        else:
            out.append(_absolute(line, source, site_url))
    return Text(re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip() + "\n", ids)


def absolute(target: str, source: str, site_url: str) -> str:
    """A link's target on the page at `source`, as an address that holds anywhere."""
    if _SCHEME.match(target):
        return target
    rest, hash_, fragment = target.partition("#")
    path, mark, query = rest.partition("?")
    file = posixpath.normpath(posixpath.join(posixpath.dirname(source), path)) if path else source
    slash = "/" if path.endswith("/") else ""
    address = render.address_of(file) if file.endswith(".md") else f"{file}{slash}"
    return f"{site_url}{address}{mark}{query}{hash_}{fragment}"


def _absolute(line: str, source: str, site_url: str) -> str:
    """A line with its links' targets absolute. What stands between backticks is no link."""
    if "](" not in line:
        return line
    done, last = "", 0
    for start, end in [*((m.start(), m.end()) for m in _CODE.finditer(line)), (len(line), len(line))]:
        done += (
            _TARGET.sub(lambda m: "](" + absolute(m[1], source, site_url), line[last:start]) + line[start:end]
        )
        last = end
    return done


def _listing(block: list[str]) -> list[str]:
    """A fenced listing below the name of its file; a diagram with its text alternative before it, where a reader without Mermaid sees it."""
    opening = FENCE.match(block[0])
    if opening and (titled := _TITLED.fullmatch(opening[3])):
        # Not every reader of Markdown takes a fence with options for one.
        return [f"{opening[1]}`{titled[2]}`:", "", f"{opening[1]}{opening[2]}{titled[1]}", *block[1:]]
    if not opening or opening[3].strip() != "mermaid":
        return block
    found = parts("\n".join(block[1:-1]))
    said = f"*Diagram: {found.title}.* {found.description}"
    return [said, "", block[0], *(line for _, line in found.body), block[-1]]


def opened(title: str) -> str:
    """A block's title where there is nothing left to reveal."""
    words = re.sub(r"^Reveal (?:the )?", "", title)
    return words[:1].upper() + words[1:]


def _following(lines: list[tuple[str, bool]], at: int) -> str:
    return next((line for line, _ in lines[at:] if line.strip()), "")


def _is_aside(lines: list[tuple[str, bool]], at: int) -> bool:
    """Whether text of the section around it follows a block, which a heading in its place would swallow."""
    depth = 1
    for index in range(at, len(lines)):
        line, code = lines[index]
        if code:
            continue
        if _OPENING.match(line):
            depth += 1
        elif _CLOSING.match(line):
            depth -= 1
            if depth == 0:
                after = _following(lines, index + 1)
                return bool(after) and not re.match(r"#|/{3,}", after)
    return False
