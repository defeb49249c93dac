"""A page in the theme's templates, kept by content in `.cache/framed`: a build prints again only the pages that have changed.

For MkDocs alone, whose hook (serving.py) hands over what loads the templates. What a page becomes depends on the page itself, on the
templates and what is written for them to include, on what `mkdocs.yml` and the environment say, and on the titles and addresses of
all pages, which the navigation shows: all of that is in an entry's key. A change of the last three prints every page again.
There is one entry for each page, so that they stay as few as the pages.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from macros import store
from macros.kept import heard, is_silent

ROOT = Path(__file__).parent.parent
TEMPLATES = ROOT / "overrides"
CACHE_DIR = ROOT / ".cache" / "framed"

_MAKERS = ("mkdocs", "mkdocs-material", "jinja2")
# Where the site is built, which no page shows: it differs between two builds of the same site.
_PLACES = {"site_dir", "docs_dir", "config_file_path", "dev_addr"}


def keep(environment: Any) -> None:
    """Have the environment's templates print what has changed, for one build."""
    load: Callable[..., Any] = environment.get_template
    shared: list[str] = []

    def get_template(name: str, *within: Any, **more: Any) -> Any:
        template = load(name, *within, **more)
        # What another template loads is a part of a page.
        return template if within or more else _Kept(template, name, shared)

    environment.get_template = get_template


class _Kept:
    """A template whose pages are kept. `shared` holds the key of all that pages have in common, once one has asked for it."""

    def __init__(self, template: Any, name: str, shared: list[str]) -> None:
        self._template = template
        self._name = name
        self._shared = shared

    def render(self, context: Mapping[str, Any]) -> str:
        page = context.get("page")
        if page is None:
            return str(self._template.render(context))
        if not self._shared:
            self._shared.append(_shared(context["config"], context["nav"]))
        path, key = CACHE_DIR / page.file.src_uri, store.key_of([self._shared[0], self._name, *_facts(page)])
        if (data := store.read(path, key)) is not None:
            return data.decode()
        with heard() as said:
            html = str(self._template.render(context))
        if is_silent(said):
            store.write(path, key, html.encode())
        return html


def _facts(page: Any) -> list[object]:
    """What a template may show of a page by itself."""
    meta = json.dumps(page.meta, default=str)
    return [
        page.file.src_uri,
        page.url,
        page.canonical_url,
        page.edit_url,
        page.title,
        meta,
        page.content,
        _toc(page.toc),
    ]


def _toc(anchors: Iterable[Any]) -> list[object]:
    return [[anchor.title, anchor.id, anchor.level, _toc(anchor.children)] for anchor in anchors]


def _shared(config: Any, nav: Any) -> str:
    said = {name: value for name, value in config.items() if name not in _PLACES}
    file = Path(config.config_file_path)
    return store.key_of(
        [
            store.makers(*_MAKERS),
            file.read_text(encoding="utf-8") if file.is_file() else "",
            json.dumps(said, sort_keys=True, default=_said),
            [[item.relative_to(TEMPLATES).as_posix(), store.digest_of(item)] for item in _files(TEMPLATES)],
            _items(nav.items),
        ]
    )


def _said(value: Any) -> object:
    """What the configuration says by a value of no plain type; an object of a program's is what its class is, and its options."""
    if isinstance(value, Mapping):
        return dict(value)
    options = getattr(value, "config", None)
    return [
        f"{type(value).__module__}.{type(value).__qualname__}",
        options if isinstance(options, Mapping) else None,
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(Path(place, name) for place, _, names in os.walk(folder) for name in names)


def _items(items: Iterable[Any]) -> list[object]:
    """The navigation's titles and addresses, as deep as it is."""
    return [[item.title, getattr(item, "url", None), _items(item.children or ())] for item in items]
