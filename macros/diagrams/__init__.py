"""A Mermaid fence becomes inline SVG while the site is built.

The text alternative comes from the source's `accTitle` and `accDescr` (source.py), the picture from Mermaid, its
look from our own sheet (svg.py); an error is told with the line that is wrong (report.py). Results are kept by
content in `.cache/diagrams`.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import mermaidx  # type: ignore[import-untyped]
from markdown import Markdown  # type: ignore[import-untyped]
from pymdownx.superfences import SuperFencesException  # type: ignore[import-untyped]

from macros import files, store
from macros.cores import on_all
from macros.diagrams.report import located
from macros.diagrams.source import (
    DiagramError,
    Fence,
    canonical,
    find_fences,
    page_faults,
    parts,
    source_faults,
)
from macros.diagrams.svg import ID_PLACEHOLDER, MERMAID_CONFIG, themed
from macros.faults import Fault
from macros.places import CACHE

__all__ = ["CACHE_DIR", "MAKERS", "DiagramError", "Fence", "check", "fence", "find_fences", "render"]

CACHE_DIR = CACHE / "diagrams"

MAKERS = ("mermaidx", "novasvg")
"""The distributions that draw. By novasvg, Mermaid and svg.py measure how wide a label is."""


# --- Into the page ------------------------------------------------------------------------------------------------


def fence(
    source: str, language: str, css_class: str, options: Mapping[str, Any], md: Markdown, **kwargs: Any
) -> str:
    """Formatter for a custom fence of pymdownx.superfences: the diagram as a figure.

    Raises SuperFencesException whatever is wrong, since superfences prints the plain listing on any other.
    """
    try:
        for number, fault, mend in source_faults(source):
            raise DiagramError(f"{fault} {mend}", number)
        # The figures before this one on the page are in Markdown's stash, which it empties between two pages.
        own = f'id="{_prefix(source)}'
        earlier = sum(own in block for block in md.htmlStash.rawHtmlBlocks if isinstance(block, str))
        return _figure(render(source, earlier + 1), parts(source).title)
    except Exception as error:
        opening = next((line.strip() for line in source.splitlines() if line.strip()), "empty")
        raise SuperFencesException(f"Mermaid diagram ({opening}): {error}") from error


def _figure(svg: str, title: str) -> str:
    # A box that may scroll has to be within reach of the keyboard; one that never does is no stop on the way.
    scrolls = "diagram__svg--min-" in svg
    reach = f' tabindex="0" role="group" aria-label="Diagram: {html.escape(title)}"' if scrolls else ""
    # Labels out of their drawing are noise among the search results.
    return (
        '<figure class="diagram" data-search-exclude>'
        f'<div class="diagram__scroll"{reach}>{svg}</div></figure>'
    )


def render(source: str, occurrence: int = 1) -> str:
    """The themed SVG of a diagram, from the cache when it is there.

    `occurrence` is 1 for the first time that this diagram is on a page, 2 for the second and so on: ids have to
    be unique on a page. Raises DiagramError.
    """
    prefix = _prefix(source) if occurrence == 1 else f"{_prefix(source)}-{occurrence}"
    return _template(source, CACHE_DIR).replace(ID_PLACEHOLDER, prefix)


def _prefix(source: str) -> str:
    """What the ids of a diagram begin with."""
    return f"d-{_key(source)[:10]}"


# --- The cache ----------------------------------------------------------------------------------------------------


def _template(source: str, cache: Path) -> str:
    """The SVG with ID_PLACEHOLDER for its id prefix. Raises DiagramError."""
    path = cache / _key(source)
    kept = _read(path)
    if kept is None:
        kept = themed(_mermaid(source), parts(canonical(source)))
        files.keep(path, kept.encode())
    return kept


def _key(source: str) -> str:
    """Content hash of everything a finished SVG depends on: the source, what draws and this package."""
    return store.key_of([canonical(source), store.versions(*MAKERS), store.text_of(Path(__file__).parent)])


def _read(path: Path) -> str | None:
    """The cached SVG, or None where there is none or where it is damaged."""
    data = files.kept(path)
    return data.decode() if data is not None else None


def _mermaid(source: str) -> str:
    """Mermaid's own SVG of a diagram. Raises DiagramError."""
    body = parts(canonical(source)).body
    if not body:
        raise DiagramError("the diagram is empty", 1)
    text = "\n".join(line for _, line in body)
    try:
        return _drawn(text, "v8")
    except RuntimeError as error:
        raise located(str(error).removeprefix("Mermaid rendering failed: "), body) from error


def _drawn(text: str, engine: Literal["v8", "quickjs"]) -> str:
    """Both engines give the same pictures. The fast one is killed after eight seconds, which a busy machine can need."""
    try:
        return str(mermaidx.render(text, theme="base", config=MERMAID_CONFIG, backend=engine).svg())
    except RuntimeError as error:
        if engine == "v8" and "was killed" in str(error):
            return _drawn(text, "quickjs")
        raise


# --- Checking every page ------------------------------------------------------------------------------------------


def check(pages: Mapping[Path, str]) -> list[Fault]:
    """Every fault of every diagram of `pages` (file -> its text), in order; afterward the cache is warm."""
    errors = _render_all({canonical(source) for text in pages.values() for _, source in find_fences(text)})
    faults: list[Fault] = []
    for file, text in pages.items():
        found = list(page_faults(file, text))
        for first, source in find_fences(text):
            if error := errors.get(canonical(source)):
                line = first + (error.line or 1) - 1
                found.append(Fault(file, line, f"Mermaid: {error.message}.", "Mend the diagram's source."))
        faults += sorted(found, key=lambda fault: fault.line or 0)
    return faults


def _render_all(sources: set[str]) -> dict[str, DiagramError]:
    """Render what the cache lacks; what went wrong, by source."""
    missing = sorted(source for source in sources if _read(CACHE_DIR / _key(source)) is None)
    # Two are enough: each takes longer than to start a process.
    outcomes = on_all(partial(_try, cache=CACHE_DIR), missing, many=2)
    return {source: error for source, error in zip(missing, outcomes, strict=True) if error}


def _try(source: str, cache: Path) -> DiagramError | None:
    """Render into the cache; runs in a worker process."""
    try:
        _template(source, cache)
    except DiagramError as error:
        return error
    return None
