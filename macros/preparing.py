"""Reads and checks all sources, and writes what is generated from them: whatever has to be there before a page is made.

Knows no generator. `macros/__init__.py` asks for it under the one at hand, and `python -m macros prepare` before one that would come too
late to it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from macros import (
    cards,
    configuration,
    deck,
    evidence,
    exports,
    feed,
    files,
    finish,
    front_matter,
    head,
    history,
    icons,
    kits,
    links,
    markdown_files,
    references,
    render,
    search,
    store,
    texts,
)
from macros.catalog import load_catalog, nav_pages
from macros.diagrams import check as check_diagrams
from macros.faults import Fault, SourceError, of_os_error
from macros.figures import Figures, figures_of
from macros.latest import latest
from macros.made import Shows
from macros.page_macros import Sources, plain_macros
from macros.places import CONFIGURATION, LOCK, ROOT, SEARCH, SOURCES, TEMPLATES
from macros.plan import load_chains, load_plans
from macros.site import Site
from macros.tally import tally
from macros.undisturbed import BUILD

_log = logging.getLogger("mkdocs.plugins.macros.preparing")


class Generated(NamedTuple):
    """What a build writes: files by path below docs/, templates by path below TEMPLATES, the Markdown of pages by address."""

    published: dict[str, str | bytes]
    templates: dict[str, str]
    beside: dict[str, str]


class Prepared(NamedTuple):
    """What a build has read, and what it has written."""

    sources: Sources
    generated: Generated
    shows: Shows


class _Known(NamedTuple):
    """What the texts of pages are made of, as keys."""

    shared: str
    """What every text may show."""
    own: dict[str, str]
    """Beside that, what one shows by itself, by the page's path below docs/; there is none of a page that shows more."""


class _Read(NamedTuple):
    """What has been read and found to be right."""

    sources: Sources
    pages: dict[str, str]
    """The text of each page of the navigation, by its path below docs/."""
    others: dict[str, front_matter.Page]
    """Those of them that are no questions."""
    drills: dict[str, str]
    """The evidence of drills, by path below docs/."""
    found_by: dict[str, str]
    """What the browser searches, by path below docs/."""


def prepare(project_dir: Path) -> None:
    """Check all sources and write the generated files, before a build. Raises SourceError and OSError.

    Zensical publishes the files that were there when it began, MkDocs also those that are written while it builds.
    """
    file = project_dir / "mkdocs.yml"
    settings = configuration.read(file)
    docs_dir = Path(project_dir, settings["docs_dir"])
    if faults := configuration.faults_of_nav(file, docs_dir, nav_pages(settings["nav"])):
        raise SourceError(faults)
    begin(docs_dir)
    prepared(docs_dir, Path(project_dir, settings["site_dir"]), settings, site_of(settings))
    texts.TEXTS.end(BUILD.end())


def begin(docs_dir: Path) -> None:
    """Wait for other builds, where this one is watched. Raises SourceError."""
    try:
        BUILD.begin(LOCK, (docs_dir, CONFIGURATION, *(ROOT / name for name in SOURCES)))
    except OSError as error:
        raise SourceError([of_os_error(error, LOCK)]) from error


def site_of(settings: Mapping[str, Any]) -> Site:
    """The site's facts. Raises SourceError where it has no address, as with an empty SITE_URL."""
    if not settings["site_url"]:
        mend = "give it one with a slash at its end, or take SITE_URL away where it is set and empty"
        raise SourceError([Fault(ROOT / "mkdocs.yml", None, "`site_url` is empty", mend)])
    return Site(
        settings["site_name"],
        settings["site_description"],
        settings["site_url"],
        settings.get("copyright") or "",
    )


def prepared(docs_dir: Path, site_dir: Path, settings: Mapping[str, Any], site: Site) -> Prepared:
    """All of it, done again only when what it is made of has changed. Raises SourceError and OSError."""
    redirects = settings["extra"].get("redirects") or {}
    nav, moved = tuple(nav_pages(settings["nav"])), tuple(redirects.items())
    examples = _fingerprint(ROOT / "examples")
    pages = hash(tuple(stat for stat in sorted(files.stats(docs_dir)) if stat[0].endswith(".md")))
    others = _fingerprint(SEARCH, links.FILE.parent)
    is_new = False

    def make() -> Prepared:
        nonlocal is_new
        is_new = True
        made = _prepare(docs_dir, site, nav, dict(redirects), figures_of(examples))
        _lay(made.generated, docs_dir, site_dir, site)
        return made

    made = latest((docs_dir, site_dir, site, nav, moved, examples, pages, others), make)
    if BUILD.is_watched and not is_new:
        # Since a server's last build, another may have written the same files for its own address.
        _lay(made.generated, docs_dir, site_dir, site)
    return made


def _lay(generated: Generated, docs_dir: Path, site_dir: Path, site: Site) -> None:
    """Put into place what a build writes, and remove what another has written and this one has not. Raises OSError."""
    files.write(docs_dir, generated.published)
    exports.prune(docs_dir, generated.published)
    files.write(TEMPLATES, generated.templates)
    finish.stage(generated.beside, site, site_dir)


def _prepare(
    docs_dir: Path,
    site: Site,
    nav: tuple[str, ...],
    redirects: Mapping[str, str],
    figures: Figures,
) -> Prepared:
    read = _read(docs_dir, nav, figures)
    known = _known(read, site)
    generated = _generated(read, known, docs_dir, site, redirects)
    return Prepared(read.sources, generated, _shows(docs_dir, read, known, generated, redirects))


# --- Reading ----------------------------------------------------------------------------------------------------------


def _read(docs_dir: Path, nav: tuple[str, ...], figures: Figures) -> _Read:
    """Read and check all sources. Raises SourceError with every fault of every one."""
    texts_of = {
        file: file.read_text(encoding="utf-8-sig", errors="replace")
        for file in sorted(docs_dir.rglob("*.md"))
    }
    faults: list[Fault] = front_matter.faults_of(texts_of) + check_diagrams(texts_of)
    try:
        catalog = load_catalog(docs_dir, nav)
        plans = load_plans(docs_dir, catalog)
        chains = load_chains(docs_dir, catalog)
        kits_of = kits.load_kits(docs_dir, catalog)
    except SourceError as error:
        # A page that cannot be read is told of by each of its readers, and named once.
        raise SourceError(dict.fromkeys([*error.faults, *faults])) from error
    drills: dict[str, str] = {}
    for question in catalog:
        try:
            drills |= evidence.published(question.slug, evidence.load(ROOT / "examples" / question.package))
        except SourceError as error:
            faults += error.faults
    faults += references.faults_of({docs_dir / q.source: texts_of[docs_dir / q.source] for q in catalog})
    try:
        # The Markdown extension reads it for each page, where a fault would have no place to be told.
        links.load()
    except SourceError as error:
        faults += error.faults
    # The generator itself tells of a page in the navigation that is not there.
    pages = {source: texts_of[docs_dir / source] for source in nav if docs_dir / source in texts_of}
    found_by: dict[str, str] = {}
    try:
        vocabularies, topic_names = search.load_vocabulary(SEARCH, catalog), search.load_topic_names(SEARCH)
        found_by = search.search_files(catalog, pages, vocabularies, topic_names)
    except SourceError as error:
        faults += error.faults
    if faults:
        raise SourceError(faults)

    others = {source: front_matter.read(docs_dir / source) for source in pages if catalog.at(source) is None}
    packages = {source: page.meta["example"] for source, page in others.items() if "example" in page.meta}
    packages |= {question.source: question.package for question in catalog}
    packages |= {source: kit.question.package for source, kit in kits_of.items()}
    counted = tally(pages[question.source] for question in catalog if question.source in pages)
    sources = Sources(catalog, plans, chains, kits_of, packages, figures, counted)
    return _Read(sources, pages, others, drills, found_by)


# --- Writing ----------------------------------------------------------------------------------------------------------


def _generated(
    read: _Read, known: _Known, docs_dir: Path, site: Site, redirects: Mapping[str, str]
) -> Generated:
    """All that is generated from what has been read."""
    catalog, plans, kits_of = read.sources.catalog, read.sources.plans, read.sources.kits_of
    times = _times(docs_dir)
    dates = {source: time.date() for source, time in times.items()}
    named = _named(read)
    plain = _texts(docs_dir, read, known, site)
    read.sources.figures.keep()
    answers = {
        question.source: markdown_files.question_file(
            question, plain[question.source], site, dates.get(question.source)
        )
        for question in catalog
        if question.source in plain
    }
    answers |= {
        source: markdown_files.kit_file(kit, plain[source], site)
        for source, kit in kits_of.items()
        if source in plain
    }
    documents = {
        source: markdown_files.page_file(named[source][0], plain[source])
        for source in plain.keys() - answers.keys()
    }
    published: dict[str, str | bytes] = {
        **exports.published_files(
            catalog, site.url, dates, redirects, lambda question: head.short_link(question, site)
        ),
        **cards.files(catalog, plans, site),
        **read.drills,
        **read.found_by,
        feed.NAME: feed.feed_xml(catalog, site, times),
        **icons.pngs((docs_dir / icons.SOURCE).read_text(encoding="utf-8")),
        "llms-full.txt": markdown_files.llms_full_txt(answers, site),
        "llms.txt": markdown_files.llms_txt(catalog, tuple(kits_of.values()), named, site),
        deck.NAME: deck.kept_package(catalog, plain, site, history.head_time(ROOT) or history.now()),
    }
    described = head.pages_of(named, catalog, plans, kits_of, site, dates)
    templates = {
        **exports.template_files(catalog, kits_of),
        **head.head_files(described, catalog, plans, kits_of, site),
    }
    beside = {render.address_of(source): text for source, text in (answers | documents).items()}
    return Generated(published, templates, beside)


def _shows(
    docs_dir: Path, read: _Read, known: _Known, generated: Generated, redirects: Mapping[str, str]
) -> Shows:
    """What pages are made of, as keys."""
    templates = generated.templates
    own = {source: _own_templates(source, read.sources) & templates.keys() for source in read.pages}
    # What no page includes by a name of its own, any may; the sitemap is no part of a page.
    of_all = templates.keys() - {head.SITEMAP}.union(*own.values())
    shared = store.key_of(
        [
            known.shared,
            sorted(redirects.items()),
            json.dumps({source: page.meta for source, page in read.others.items()}, default=str),
            store.digest_of(links.FILE) if links.FILE.is_file() else "",
            [[name, templates[name]] for name in sorted(of_all)],
        ]
    )
    keys = {
        source: store.key_of([key, [[name, templates[name]] for name in sorted(own[source])]])
        for source, key in known.own.items()
    }
    return Shows(
        shared,
        keys,
        {source: front_matter.split(text, docs_dir / source).meta for source, text in read.pages.items()},
    )


def _own_templates(source: str, sources: Sources) -> set[str]:
    """What the templates include for that page alone (exports.py, head.py)."""
    names = {f"heads/{render.address_of(source)}head.html"}
    if question := sources.catalog.at(source):
        names |= {f"{question.number}-header.html", f"{question.number}-footer.html"}
    if kit := sources.kits_of.get(source):
        names.add(f"{kit.question.number}-kit.html")
    return names


def _named(read: _Read) -> dict[str, tuple[str, str]]:
    """Title and description of each page that is no question."""
    return {
        source: (str(page.meta.get("title", "")), str(page.meta.get("description", "")))
        for source, page in read.others.items()
    }


def _times(docs_dir: Path) -> dict[str, datetime]:
    """The moment of each page's last commit, by its path below docs/. Says why where there are none."""
    times = history.commit_times(docs_dir)
    if not times:
        _log.info("The pages get no dates: %s", history.why_unknown(docs_dir))
    return times


def _texts(docs_dir: Path, read: _Read, known: _Known, site: Site) -> dict[str, texts.Text]:
    """The plain text of every question, kit and document to fill in, by path below docs/.

    A page whose macros or listings fail is left out: the generator, which meets the same fault, tells of it and decides
    whether it stops.
    """
    plain: dict[str, texts.Text] = {}
    for source, page in read.pages.items():
        is_taken = source not in read.others or source in read.sources.kits_of or render.is_document(source)
        if not is_taken:
            continue
        key = store.key_of([known.shared, known.own[source]]) if source in known.own else None
        text = texts.TEXTS.find(source, key) if key else None
        if text is None:
            body = front_matter.split(page, docs_dir / source).body
            try:
                expanded = texts.expand(
                    body, plain_macros(source, read.sources, site), ROOT, f"texts/{source}"
                )
            except Exception:
                continue
            text = texts.plain(expanded, source, site.url)
            if key:
                texts.TEXTS.keep(source, key, text)
        plain[source] = text
    return plain


def _known(read: _Read, site: Site) -> _Known:
    """What the texts of pages are made of."""
    own = {source: _own(source, text, read.sources) for source, text in read.pages.items()}
    shared = store.key_of([store.makers(*texts.MAKERS), site, *map(repr, read.sources.shared)])
    return _Known(shared, {source: key for source, key in own.items() if key})


def _own(source: str, text: str, sources: Sources) -> str | None:
    """A key of the page's text, the listings in it, and what its macros draw on; None of a page that shows more."""
    drawn, listed = sources.of(source, text), texts.listed(text, ROOT)
    if drawn is None or listed is None:
        return None
    listings = [store.digest_of(file) if file.is_file() else None for file in listed]
    return store.key_of([source, text, repr(drawn), listings])


# --- Whether anything has changed -------------------------------------------------------------------------------------


def _fingerprint(*folders: Path) -> int:
    """Changes with any file in the folders: its path, its time or its size. Zensical asks for it once a page."""
    return hash(tuple(stat for folder in folders for stat in sorted(files.stats(folder))))
