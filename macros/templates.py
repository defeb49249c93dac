"""Jinja's templates, compiled once and kept in `.cache/templates`: those of the theme, and the pages with their macros.

To compile a page's text takes Jinja longer than to print it, and a build prints most of them twice: for the page, and as plain text.
Around each page stand parts of its own (exports.py), which are templates, too.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, Environment, Template
from jinja2.bccache import Bucket

from macros import store
from macros.places import CACHE

CACHE_DIR = CACHE / "templates"

_GENERATOR = ("jinja2", "mkdocs", "mkdocs-material", "mkdocs-macros-plugin")
"""Packages whose templates and environments these are. The plain texts are ours and need none but the first."""


def template(environment: Environment, text: str, name: str) -> Template:
    """The template of a text. `name` says whose text it is, and for what: of each name one is kept."""
    code = _compiled(environment, text, name, lambda: environment.compile(text), "jinja2")
    return Template.from_code(environment, code, environment.make_globals(None))


def keep(environment: Environment, name: Callable[[], str]) -> None:
    """Let an environment of others take from the cache what it compiles without a name, each by the `name()` of then. Once is enough."""
    if "compile" in vars(environment):
        return
    compile_ = environment.compile

    def kept(source: Any, *more: Any, **options: Any) -> Any:
        if more or options or not isinstance(source, str):
            return compile_(source, *more, **options)
        return _compiled(environment, source, name(), lambda: compile_(source), *_GENERATOR)

    environment.compile = kept  # type: ignore[method-assign]


class Compiled(BytecodeCache):
    """What an environment takes the templates from that it loads by their names, as `bytecode_cache`."""

    def load_bytecode(self, bucket: Bucket) -> None:
        data = store.read(self._path(bucket), self._key(bucket))
        if data is not None:
            bucket.code = marshal.loads(data)

    def dump_bytecode(self, bucket: Bucket) -> None:
        store.write(self._path(bucket), self._key(bucket), marshal.dumps(bucket.code))

    def _path(self, bucket: Bucket) -> Path:
        return CACHE_DIR / "theme" / bucket.key

    def _key(self, bucket: Bucket) -> str:
        return store.key_of(
            [store.makers(*_GENERATOR), _options(bucket.environment), bucket.key, bucket.checksum]
        )


def _compiled(environment: Environment, text: str, name: str, make: Callable[[], Any], *packages: str) -> Any:
    path = CACHE_DIR / name
    key = store.key_of([store.makers(*packages), _options(environment), name, text])
    data = store.read(path, key)
    if data is not None:
        return marshal.loads(data)
    code = make()
    store.write(path, key, marshal.dumps(code))
    return code


def _options(environment: Environment) -> list[object]:
    """How the environment reads a text: where a macro begins, which lines it trims, what it escapes, and its extensions."""
    plain = {name: value for name, value in vars(environment).items() if isinstance(value, str | int | None)}
    return [sorted(plain.items()), sorted(environment.extensions)]
