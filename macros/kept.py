"""What Markdown makes of a page, kept by content in `.cache/pages`: a build converts only the pages that have changed.

For MkDocs alone: `macros/__init__.py` hands each page over when its macros are done. Zensical never does, and has a way of its own.
The conversion depends on the page's text with the listings in it, on the extensions and what they read, and on where its links
lead. All but the last are in an entry's key; the last is in the entry, and asked again.
There is one entry for each page, so that they stay as few as the pages.
"""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import FunctionType
from typing import Any

from markdown import Markdown  # type: ignore[import-untyped]
from pydantic import BaseModel

from macros import diagrams, links, store
from macros.ahead import AHEAD
from macros.places import CACHE

CACHE_DIR = CACHE / "pages"

KNOWN = frozenset(
    {
        *("attr_list", "def_list", "fenced_code", "md_in_html", "tables", "toc"),
        *("pymdownx.blocks.details", "pymdownx.highlight", "pymdownx.snippets", "pymdownx.superfences"),
        *("macros.links", "macros.tables"),
    }
)
"""The extensions of which `_key` says all that they make a difference by: whose they are, and which files they read.

With any other among them nothing is kept: one that reads icons, say, would show those of yesterday.
"""

_MAKERS = ("mkdocs", "Markdown", "pymdown-extensions", "Pygments", *diagrams.MAKERS)
"""The distributions whose versions make a difference, beside Python's and this package's own text."""


class Heading(BaseModel):
    """An entry of a page's table of contents, by the names that the generator's own tokens have."""

    name: str
    id: str
    level: int
    children: list[Heading]


class Kept(BaseModel):
    """What a conversion leaves on the generator's page, and which files it asked for on its way."""

    content: str
    toc: list[Heading]
    title: str | None
    anchors: list[str]
    links: dict[str, dict[str, str]]
    """By the path of the page that is linked to, below docs/: anchor -> the link as it is written."""
    asked: dict[str, tuple[str, int]]
    """Address and inclusion of each file that a link leads to, by its path below docs/."""

    def holds(self, files: Any) -> bool:
        """Whether the links lead where they led."""
        return all(_place(files.get_file_from_path(path)) == place for path, place in self.asked.items())


def keep(page: Any) -> None:
    """Let the generator's page take its conversion from the cache where it is there, and else put it there."""
    convert = page.render

    def render(config: Any, files: Any) -> None:
        if not KNOWN.issuperset(config["markdown_extensions"]):
            convert(config, files)
            return
        path, key = CACHE_DIR / page.file.src_uri, _key(page, config)
        kept = _kept(store.read(path, key))
        if kept and kept.holds(files):
            _restore(page, kept, files)
            return
        AHEAD.missed()
        asked = _Asked(files)
        with heard() as said:
            convert(config, asked)
        # A listing that was edited meanwhile is in the page, but not in the key.
        if is_silent(said) and _key(page, config) == key and (made := _made(page, asked)):
            store.write(path, key, made.model_dump_json().encode())

    page.render = render


class _Asked:
    """The generator's files, which remembers those that were asked for."""

    def __init__(self, files: Any) -> None:
        self._files = files
        self.found: dict[str, Any] = {}

    def get_file_from_path(self, path: str) -> Any:
        found = self._files.get_file_from_path(path)
        self.found[path] = found
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


def _place(file: Any) -> tuple[str, int] | None:
    return (file.url, file.inclusion.value) if file else None


def _kept(data: bytes | None) -> Kept | None:
    return None if data is None else Kept.model_validate_json(data)


def _made(page: Any, asked: _Asked) -> Kept | None:
    """What the page has been given; None where that cannot be kept whole."""
    places = {path: place for path, file in asked.found.items() if (place := _place(file))}
    if page.links_to_anchors is None or len(places) < len(asked.found):
        return None
    return Kept(
        content=page.content,
        toc=[_heading(anchor) for anchor in page.toc],
        title=page._title_from_render,
        anchors=sorted(page.present_anchor_ids),
        links=links_of(page),
        asked=places,
    )


def _heading(anchor: Any) -> Heading:
    return Heading(
        name=anchor.title, id=anchor.id, level=anchor.level, children=[_heading(a) for a in anchor.children]
    )


def _restore(page: Any, kept: Kept, files: Any) -> None:
    from mkdocs.structure.toc import get_toc

    page.content = kept.content
    page.toc = get_toc([heading.model_dump() for heading in kept.toc])  # type: ignore[misc]
    page._title_from_render = kept.title
    page.present_anchor_ids = set(kept.anchors)
    page.links_to_anchors = links_to(kept.links, files)


def links_of(page: Any) -> dict[str, dict[str, str]]:
    """The page's links to headings of pages, by the path of the page that is linked to."""
    return {file.src_uri: dict(anchors) for file, anchors in (page.links_to_anchors or {}).items()}


def links_to(links: Mapping[str, dict[str, str]], files: Any) -> dict[Any, dict[str, str]]:
    """The same by the generator's files."""
    return {files.get_file_from_path(path): anchors for path, anchors in links.items()}


def is_silent(said: list[logging.LogRecord]) -> bool:
    """Whether the making of a result may be left out next time: what was said, or would have been but for `--quiet`, has to be said again."""
    return not said and logging.getLogger("mkdocs").isEnabledFor(logging.WARNING)


@contextmanager
def heard() -> Iterator[list[logging.LogRecord]]:
    """What is logged meanwhile, from notices on."""
    said: list[logging.LogRecord] = []
    listener = logging.Handler(logging.INFO)
    listener.emit = said.append  # type: ignore[method-assign, assignment]
    for logger in loggers():
        logger.addHandler(listener)
    try:
        yield said
    finally:
        for logger in loggers():
            logger.removeHandler(listener)


def loggers() -> tuple[logging.Logger, ...]:
    """Where all is said: the generator's own logger hands nothing on to the root's."""
    return logging.getLogger(), logging.getLogger("mkdocs")


# --- The cache --------------------------------------------------------------------------------------------------------


def _key(page: Any, config: Any) -> str:
    """Content hash of all that the conversion depends on but for where links lead."""
    configs = config["mdx_configs"] or {}
    options = json.dumps([config["markdown_extensions"], configs], sort_keys=True, default=_named)
    facts = [
        store.makers(*_MAKERS),
        options,
        config["use_directory_urls"],
        # What the page's faults count as is said while it is converted.
        repr(config["validation"]),
        hashlib.sha256(links.FILE.read_bytes()).hexdigest(),
        page.file.src_uri,
        page.file.url,
        _with_listings(page.markdown, json.dumps(configs.get("pymdownx.snippets"))),
    ]
    return store.key_of(facts)


def _named(value: Any) -> str:
    """A function among the options by its name, as its makers are in the key; what one has been made into with its arguments."""
    if isinstance(value, FunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    return pickle.dumps(value).hex()


def _with_listings(markdown: str, options: str) -> str:
    """The page's text with the listings that it pulls in; as it is, where one is missing, of which the conversion tells."""
    try:
        return "\n".join(_snippets(options).run(markdown.split("\n")))
    except Exception:
        return markdown


@lru_cache(maxsize=1)
def _snippets(options: str) -> Any:
    configs = {"pymdownx.snippets": json.loads(options) or {}}
    return Markdown(extensions=["pymdownx.snippets"], extension_configs=configs).preprocessors["snippet"]
