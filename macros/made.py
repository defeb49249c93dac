"""Pages as a build has made them, kept in `.cache/made` and taken again as long as all that they show is the same.

For MkDocs alone, whose `--dirty` builds leave out each page that says that it is not modified. By itself a page goes by the time of
its own file, so that a title or a figure edited elsewhere stays old on it; here it goes by the content of all that it is made of: its own
text, the listings and figures in it, what is drawn onto it from other pages, and what all pages have in common. A page that shows what any
edit changes, as the size of a file of all texts, is made each time, and so is one of which something was said, that has to be said again.

What kept.py keeps is a part of this, and serves where the rest is lost: an edited title is on all pages, whose text is still the same.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from macros import store
from macros.files import put
from macros.kept import KNOWN, is_silent, links_of, links_to, loggers
from macros.places import CACHE, ROOT
from macros.places import TEMPLATES as GENERATED

CACHE_DIR = CACHE / "made"

KNOWN_PLUGINS = frozenset({"macros", "material/tags", "macros/serving.py"})
"""The plugins and hooks of which `_keyed` says all that they make a difference by. With any other nothing is left out."""

# Where the site is built, which no page shows: it differs between two builds of the same site.
_PLACES = {"site_dir", "docs_dir", "config_file_path", "dev_addr"}


class Shows(NamedTuple):
    """What pages show."""

    shared: str
    """A key of what every page may show."""
    own: Mapping[str, str]
    """By a page's path below docs/, a key of what it shows beside that; of a page that shows more there is none."""
    meta: Mapping[str, Mapping[str, Any]]
    """Its front matter."""


class _Page(BaseModel):
    """What others ask of a page while they are made."""

    title: str | None
    anchors: list[str]
    links: dict[str, dict[str, str]]
    """By the path of the page that is linked to, below docs/: anchor -> the link as it is written."""


class Made:
    """The pages of this process's builds."""

    def __init__(self) -> None:
        self.is_wanted = False
        self._shows = Shows("", {}, {})
        self._keys: dict[str, str] = {}
        self._there: dict[str, tuple[str, _Page]] = {}
        """The pages that are in the site's folder, with their keys."""
        self._places: set[str] = set()
        self._stamps: dict[str, object] = {}
        self._new: list[str] = []
        self._said_of: set[str] = set()
        self._listener: logging.Handler | None = None

    def want(self) -> None:
        """Have the builds of this process leave out what has not changed."""
        self.is_wanted = True
        # MkDocs says of each such build that its navigation and links are likely wrong. By what stands here they are not.
        logging.getLogger("mkdocs.commands.build").addFilter(
            lambda record: not record.getMessage().startswith("A 'dirty' build")
        )

    def begin(self, shows: Shows) -> None:
        """Take note of what is about to be built."""
        self._shows = shows

    def leave(self, files: Any, config: Any) -> list[Any]:
        """Have MkDocs leave out what has not changed: once all pages are known, and before one is read. Those that are to be made."""
        pages = {file.src_uri: file for file in files.documentation_pages() if file.page}
        if not self.is_wanted:
            return [file.page for file in pages.values()]
        self._listen(config)
        self._mark_files(files, config.site_dir)
        self._keys = self._keyed(files, config)
        for source, file in pages.items():
            page = self._take(source, file) if source in self._keys else None
            file.is_modified = _saying(page is None)
            if page:
                _restore(file.page, page, self._shows.meta[source], files)
                # Of all that plugins ask of a page while it is made, the others show this alone.
                config.plugins["material/tags"].mappings.add(file.page, "")
        return [file.page for file in pages.values() if file.is_modified()]

    def keep(self, page: Any, html: str) -> None:
        """Keep a page that has been made, if nothing was said of it. `end` tells whether that counts."""
        source = page.file.src_uri
        self._there.pop(source, None)
        if source not in self._keys or source in self._said_of:
            return
        made = _Page(
            title=page._title_from_render, anchors=sorted(page.present_anchor_ids), links=links_of(page)
        )
        self._there[source] = self._keys[source], made
        store.write(_draft(source), self._keys[source], f"{made.model_dump_json()}\n{html}".encode())
        self._new.append(source)

    def end(self, is_undisturbed: bool) -> None:
        """The site is built. What was made of sources that changed meanwhile is of no key, and goes."""
        self._stop()
        for source in self._new:
            if is_undisturbed:
                # Where the disk is full, there is none.
                with suppress(FileNotFoundError):
                    _draft(source).replace(CACHE_DIR / source)
            else:
                self._there.pop(source, None)
        self._new = []

    def fail(self) -> None:
        """The build has failed, and nobody knows what is in the site's folder."""
        self.end(is_undisturbed=False)
        self._there, self._places = {}, set()

    def _mark_files(self, files: Any, site_dir: str) -> None:
        """Have MkDocs copy the files that are not what they were, and begin with an empty folder where one has come or gone."""
        others = [file for file in files if not file.is_documentation_page()]
        stamps = {file.dest_uri: _stamp(file) for file in others}
        places = {file.dest_uri for file in files}
        if places != self._places:
            # What was made of a file that is gone would stay.
            from mkdocs import utils

            utils.clean_directory(site_dir)
            self._there, self._stamps = {}, {}
        for file in others:
            file.is_modified = _saying(self._stamps.get(file.dest_uri) != stamps[file.dest_uri])
        self._places, self._stamps = places, stamps

    def _keyed(self, files: Any, config: Any) -> dict[str, str]:
        """The keys of all pages that may be kept."""
        is_known = KNOWN.issuperset(config["markdown_extensions"]) and KNOWN_PLUGINS.issuperset(
            config.plugins
        )
        if not is_known or not is_silent([]):
            return {}
        said = {name: value for name, value in config.items() if name not in _PLACES}
        shared = store.key_of(
            [
                store.makers(),
                # Whatever draws or prints a part of a page.
                store.installed(),
                self._shows.shared,
                [[file.relative_to(ROOT).as_posix(), store.digest_of(file)] for file in _templates()],
                # Where links may lead.
                sorted([file.src_uri, file.url, file.inclusion.name] for file in files),
                json.dumps(said, sort_keys=True, default=_said),
            ]
        )
        return {source: store.key_of([shared, source, own]) for source, own in self._shows.own.items()}

    def _take(self, source: str, file: Any) -> _Page | None:
        """Put the page into the site's folder, if it is not there, and say what others ask of it; None where it has to be made."""
        key = self._keys[source]
        if source in self._there and self._there[source][0] == key:
            return self._there[source][1]
        if (data := store.read(CACHE_DIR / source, key)) is None:
            return None
        head, _, html = data.partition(b"\n")
        put(Path(file.abs_dest_path), html)
        self._there[source] = key, _Page.model_validate_json(head)
        return self._there[source][1]

    def _listen(self, config: Any) -> None:
        """Take note of pages of which something is said while they are made."""

        def heard(record: logging.LogRecord) -> None:
            if page := config._current_page:
                self._said_of.add(page.file.src_uri)

        self._stop()
        self._said_of = set()
        self._listener = logging.Handler(logging.INFO)
        self._listener.emit = heard  # type: ignore[method-assign]
        for logger in loggers():
            logger.addHandler(self._listener)

    def _stop(self) -> None:
        if self._listener:
            for logger in loggers():
                logger.removeHandler(self._listener)
        self._listener = None


MADE = Made()
"""Those of this process."""


def _draft(source: str) -> Path:
    return CACHE_DIR / f"{source}.new"


def _templates() -> list[Path]:
    """The templates of ours that authors write. Of those that are generated, `Shows` tells."""
    return sorted(
        file for file in (ROOT / "overrides").rglob("*") if file.is_file() and GENERATED not in file.parents
    )


def _saying(is_modified: bool) -> Callable[[], bool]:
    return lambda: is_modified


def _stamp(file: Any) -> object:
    """Time and size of a file; one that a plugin has made of nothing is never the same."""
    if not file.abs_src_path:
        return object()
    stat = Path(file.abs_src_path).stat()
    return stat.st_mtime_ns, stat.st_size


def _restore(page: Any, made: _Page, meta: Mapping[str, Any], files: Any) -> None:
    # Nobody reads the text of a page that is not made, but without one it has no title.
    page.markdown = page.content = ""
    page.meta, page._title_from_render = dict(meta), made.title
    page.present_anchor_ids = set(made.anchors)
    page.links_to_anchors = links_to(made.links, files)


def _said(value: Any) -> object:
    """What the configuration says by a value of no plain type; an object of a program's is what its class is, and its options."""
    if isinstance(value, Mapping):
        return dict(value)
    options = getattr(value, "config", None)
    return [
        f"{type(value).__module__}.{type(value).__qualname__}",
        options if isinstance(options, Mapping) else None,
    ]
