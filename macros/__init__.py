"""The side of `macros` that the site generator meets: what it calls, and where its page, its settings and its way to stop are.

MkDocs calls `define_env` once a build, Zensical once a page: what is costly is kept (latest.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from macros import figures, finish, kept, render, templates
from macros.faults import SourceError, of_os_error
from macros.made import MADE
from macros.page_macros import file_macros, page_macros
from macros.preparing import begin, prepared, site_of
from macros.texts import TEXTS
from macros.undisturbed import BUILD


def define_env(env: Any) -> None:
    """Check all sources, write the generated files, register the macros. Called by the macros plugin."""
    docs_dir = Path(env.project_dir, env.conf["docs_dir"])
    site_dir = Path(env.project_dir, env.conf["site_dir"])
    try:
        site = site_of(env.conf)
        begin(docs_dir)
        made = prepared(docs_dir, site_dir, env.conf, site)
        sources, generated = made.sources, made.generated
        MADE.begin(made.shows)
    except SourceError as error:
        raise _stop(str(error)) from error
    except OSError as error:
        raise _stop(str(SourceError([of_os_error(error, docs_dir)]))) from error

    def source() -> str:
        """Path below docs/ of the page being rendered."""
        page = env.page
        return str(page.file.src_uri if hasattr(page, "file") else page.path)

    def root() -> str:
        """The way to the site's root in HTML's links: MkDocs leaves them alone, Zensical takes them for links of sources."""
        return render.root_of(render.address_of(source()) if hasattr(env.page, "file") else source())

    has_pdf = bool(env.conf["extra"].get("pdf"))
    macros = page_macros(source, root, sources) | file_macros(sources, generated.published, site, has_pdf)
    for macro in macros.values():
        env.macro(macro)


def on_pre_page_macros(env: Any) -> None:
    """Compile the page's macros only if it has changed. Called by MkDocs alone, for each page."""
    templates.keep(env.env, lambda: f"pages/{env.page.file.src_uri}")


def on_post_page_macros(env: Any) -> None:
    """Convert the page only if it has changed. Called by MkDocs alone, for each page."""
    kept.keep(env.page)


def on_post_build(env: Any) -> None:
    """Put the pages' Markdown beside them, while serving too, and keep what they asked of the examples. Called by MkDocs alone; elsewhere `python -m macros` does it."""
    finish.lay_markdown(Path(env.conf["site_dir"]))
    figures.keep()
    try:
        is_undisturbed = BUILD.end()
        MADE.end(is_undisturbed)
        TEXTS.end(is_undisturbed)
    except SourceError as error:
        raise _stop(str(error)) from error


def _stop(message: str) -> Exception:
    """The error with which the generator at hand stops without a traceback."""
    try:
        from mkdocs.exceptions import Abort
    except ImportError:
        return RuntimeError(message)
    return Abort(message)
