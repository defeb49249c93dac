"""Jinja macros for the pages. This is the only module that knows the site generator.

MkDocs calls `define_env` once a build, Zensical once a page: what is costly is cached by what it depends on.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import StrictUndefined, Template

from macros import (
    calculators,
    cards,
    charts,
    configuration,
    deck,
    evidence,
    exports,
    feed,
    finish,
    front_matter,
    head,
    history,
    icons,
    kept,
    kits,
    links,
    markdown_files,
    plan_link,
    printable,
    references,
    render,
    search,
    templates,
    texts,
)
from macros.catalog import Catalog, load_catalog, nav_pages
from macros.diagrams import check as check_diagrams
from macros.faults import Fault, SourceError, of_os_error
from macros.figures import Figures, figures_of
from macros.figures import keep as keep_figures
from macros.latest import TEXTS, latest
from macros.plan import Chains, Plan, load_chains, load_plans
from macros.question import Category, Difficulty
from macros.site import Site
from macros.tally import Tally, tally
from macros.undisturbed import BUILD

ROOT = Path(__file__).parent.parent
SEARCH = ROOT / "search"
TEMPLATES = ROOT / "overrides" / "generated"
LOCK = ROOT / ".cache" / "build.lock"
SOURCES = ("examples", "macros", "overrides", "references", "search")
"""Folders that a build reads, beside the pages'."""
READ = (ROOT / "mkdocs.yml", ROOT / "macros")
"""What a process that builds has read before the build begins, and does not read again."""

_log = logging.getLogger("mkdocs.plugins.macros")

Macros = Mapping[str, Callable[..., Any]]


class Generated(NamedTuple):
    """What a build writes: files by path below docs/, templates by path below TEMPLATES, the Markdown of pages by address."""

    published: dict[str, str | bytes]
    templates: dict[str, str]
    beside: dict[str, str]


class Prepared(NamedTuple):
    """What a build has read and computed."""

    catalog: Catalog
    plans: dict[str, Plan]
    chains: Chains
    kits_of: dict[str, kits.Kit]
    packages: dict[str, str]
    """Package below examples/ whose figures a page prints, by the page's path below docs/."""
    figures: Figures
    counted: Tally
    generated: Generated


def define_env(env: Any) -> None:
    """Check all sources, write the generated files, register the macros. Called by the macros plugin."""
    docs_dir = Path(env.project_dir, env.conf["docs_dir"])
    site_dir = Path(env.project_dir, env.conf["site_dir"])
    try:
        site = _site(env.conf)
        _begin(docs_dir)
        prepared = _prepared(docs_dir, site_dir, env.conf, site)
        if BUILD.is_watched:
            # Since a server's last build, another may have written the same files for its own address.
            _lay(prepared.generated, docs_dir, site_dir, site)
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

    def is_in_parts() -> bool:
        """Whether there are too many questions to print them at once."""
        return len(prepared.catalog) >= printable.PARTS_FROM

    for macro in _macros(source, root, prepared).values():
        env.macro(macro)

    @env.macro
    def file_size(name: str) -> str:
        """Size of a generated file, by its path below docs/."""
        data = prepared.generated.published[name]
        return render.size(len(data.encode() if isinstance(data, str) else data))

    @env.macro
    def markdown_links() -> str:
        """Every question's page as plain Markdown, as a list of links."""
        return render.markdown_links([(q.number, q.title, q.address) for q in prepared.catalog], site.url)

    @env.macro
    def kit_markdown_links() -> str:
        """The same of every interviewer's kit."""
        by_number = sorted(prepared.kits_of.values(), key=lambda kit: kit.question.number)
        pages = [(kit.question.number, f"Kit: {kit.question.title}", kit.address) for kit in by_number]
        return render.markdown_links(pages, site.url)

    @env.macro
    def finished(address: str, label: str) -> str:
        """A link to what is put into the site after it is built, by its address below the site's root."""
        return render.finished_link(address, label, site.url)

    @env.macro
    def printable_link() -> str:
        """A link to all questions, to be printed."""
        label = "All questions, a page for each category" if is_in_parts() else "All questions on one page"
        return render.finished_link(printable.ADDRESS, label, site.url)

    @env.macro
    def has_pdf() -> bool:
        """Whether this build is one that a PDF is made of: of so many questions that they are not printed at once, none is."""
        return bool(env.conf["extra"].get("pdf")) and not is_in_parts()


def prepare(project_dir: Path) -> None:
    """Check all sources and write the generated files, before a build. Raises SourceError and OSError.

    Zensical publishes the files that were there when it began, MkDocs also those that `define_env` wrote.
    """
    file = project_dir / "mkdocs.yml"
    settings = configuration.read(file)
    docs_dir = Path(project_dir, settings["docs_dir"])
    if faults := configuration.faults_of_nav(file, docs_dir, nav_pages(settings["nav"])):
        raise SourceError(faults)
    _begin(docs_dir)
    _prepared(docs_dir, Path(project_dir, settings["site_dir"]), settings, _site(settings))
    BUILD.end()


def _begin(docs_dir: Path) -> None:
    """Wait for other builds, where this one is watched. Raises SourceError."""
    try:
        BUILD.begin(LOCK, (docs_dir, *(ROOT / name for name in SOURCES)))
    except OSError as error:
        raise SourceError([of_os_error(error, LOCK)]) from error


def on_pre_page_macros(env: Any) -> None:
    """Compile the page's macros only if it has changed. Called by MkDocs alone, for each page."""
    templates.keep(env.env, lambda: f"pages/{env.page.file.src_uri}")


def on_post_page_macros(env: Any) -> None:
    """Convert the page only if it has changed. Called by MkDocs alone, for each page."""
    kept.keep(env.page)


def on_post_build(env: Any) -> None:
    """Put the pages' Markdown beside them, while serving too, and keep what they asked of the examples. Called by MkDocs alone; elsewhere `python -m macros` does it."""
    finish.lay_markdown(Path(env.conf["site_dir"]))
    keep_figures()
    try:
        BUILD.end()
    except SourceError as error:
        raise _stop(str(error)) from error


def _site(settings: Mapping[str, Any]) -> Site:
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


def _prepared(docs_dir: Path, site_dir: Path, settings: Mapping[str, Any], site: Site) -> Prepared:
    """What `_prepare` gives, made again only when what it is made of has changed. Raises SourceError and OSError."""
    redirects = settings["extra"].get("redirects") or {}
    nav, moved = tuple(nav_pages(settings["nav"])), tuple(redirects.items())
    examples = _fingerprint(ROOT / "examples")
    pages = hash(tuple(stat for stat in sorted(_stats(docs_dir)) if stat[0].endswith(".md")))
    others = _fingerprint(SEARCH, links.FILE.parent)
    return latest(
        (docs_dir, site_dir, site, nav, moved, examples, pages, others),
        lambda: _prepare(docs_dir, site_dir, site, nav, dict(redirects), figures_of(examples)),
    )


def _macros(source: Callable[[], str], root: Callable[[], str], prepared: Prepared) -> Macros:
    """The macros for the page that `source()` names by its path below docs/; `root()` is the way from it to the site's root."""
    catalog, plans, chains, kits_of, packages, figures, counted, _ = prepared

    def of_figures(call: str, name: str, /, **arguments: Any) -> Any:
        """What the function `name` of the figures module of this page's example returns."""
        if source() not in packages:
            raise ValueError(
                f"{call}({name!r}): {source()} is no question page and has no `example` in its front matter"
            )
        try:
            return figures.call(packages[source()], name, arguments)
        except LookupError as error:
            raise ValueError(f"{call}({name!r}): {error}") from error

    def computed(name: str, /, **arguments: Any) -> Any:
        """Call `name` of the figures module of this page's example and print what it returns."""
        return of_figures("computed", name, **arguments)

    def chart(name: str, /, **arguments: Any) -> str:
        """Draw the chart whose specification `name` of the figures module of this page's example returns."""
        return charts.figure(name, of_figures("chart", name, **arguments))

    def calculator(name: str, /) -> str:
        """The form, and the worked example, that `name` of the figures module of this page's example specifies."""
        return calculators.html(calculators.load(of_figures("calculator", name)))

    def evidence_files() -> str:
        """This drill's files: links to them, how each came about, and what it holds."""
        page = catalog.at(source())
        files = evidence.load(ROOT / "examples" / page.package) if page else ()
        if page is None or not files:
            raise ValueError(
                f"evidence_files(): {source()} is no question page whose example has an evidence.yml"
            )
        return render.evidence_table(page, files)

    def guess(stage: int) -> str:
        """A field for the reader's own expectation, before a stage's evidence is revealed."""
        return render.guess(stage)

    def own_kit(call: str) -> kits.Kit:
        if source() not in kits_of:
            raise ValueError(f"{call}(): {source()} is no interviewer's kit")
        return kits_of[source()]

    def kit_hints() -> str:
        """The hints of this kit's question, open."""
        return _drawn(kits.hints_markdown(own_kit("kit_hints").hints), computed)

    def kit_score_sheet() -> str:
        """The signals and levels of this kit's question, to tick."""
        kit = own_kit("kit_score_sheet")
        return _drawn(kits.score_sheet_markdown(kit.signals, kit.levels), computed)

    def kit_list() -> str:
        """All kits, with what each question asks for."""
        return render.kit_list(kits_of.values(), source())

    def question(number: int) -> str:
        """A link to a question, by its number."""
        return render.question_link(catalog.get(number), source())

    def question_table(category: str | None = None, difficulty: str | None = None) -> str:
        """All questions, or those of a category or a difficulty, one row each."""
        questions = catalog.select(
            Category(category) if category else None, Difficulty(difficulty) if difficulty else None
        )
        return render.question_table(questions, root())

    def distribution() -> str:
        """Questions by category and difficulty, with totals."""
        return render.distribution(catalog, root())

    def question_count() -> int:
        return len(catalog)

    def question_board() -> str:
        """Every question at a glance, by category."""
        return render.board(catalog, root())

    def site_figures() -> str:
        """What the question pages hold, counted while building."""
        return render.figures(catalog, counted)

    def plan_days() -> str:
        """The plan in this page's front matter, day by day."""
        return render.plan_days(plans[source()], catalog, source())

    def plan_length(page: str | None = None) -> str:
        """Days and minutes of this page's plan, or of another page's by its path below docs/."""
        plan = plans[page or source()]
        return f"{len(plan.days)} days, {render.plan_minutes(plan, catalog)} minutes"

    def plan_opener() -> str:
        """A link that opens this page's plan in the plan builder."""
        return render.plan_opener(plan_link.encode(plan_link.linked(plans[source()])), root())

    def plan_chains() -> str:
        """What builds on what, as the plan builder's script reads it."""
        return ";".join(" ".join(map(str, chain)) for chain in chains)

    def plan_order() -> str:
        """What builds on what, as a list of links."""
        return render.plan_order(chains, catalog, source())

    return {
        macro.__name__: macro
        for macro in (
            *(computed, chart, calculator, evidence_files, guess, question, question_table, distribution),
            *(
                question_count,
                question_board,
                site_figures,
                plan_days,
                plan_length,
                plan_opener,
                plan_chains,
                plan_order,
            ),
            *(kit_hints, kit_score_sheet, kit_list),
        )
    }


def _plain_macros(source: str, prepared: Prepared, site: Site) -> Macros:
    """The same for a text without pictures and controls: a chart is its data, and what only a page can do is linked to."""
    macros = _macros(lambda: source, lambda: site.url, prepared)

    def calculator(name: str, /) -> str:
        return f"(Interactive, on the page only: <{site.url}{render.address_of(source)}>)"

    def chart(name: str, /, **arguments: Any) -> str:
        return charts.table(name, prepared.figures.call(prepared.packages[source], name, arguments))

    def guess(stage: int) -> str:
        return ""

    def kit_score_sheet() -> str:
        kit = prepared.kits_of[source]
        return _drawn(kits.score_sheet_text(kit.signals, kit.levels), macros["computed"])

    own = (calculator, chart, guess, kit_score_sheet)
    return {**macros, **{macro.__name__: macro for macro in own}}


def _drawn(markdown: str, computed: Callable[..., Any]) -> str:
    """What a kit draws from its question's page, with the figures in it."""
    return str(Template(markdown, undefined=StrictUndefined).render(computed=computed))


def _prepare(
    docs_dir: Path,
    site_dir: Path,
    site: Site,
    nav: tuple[str, ...],
    redirects: Mapping[str, str],
    figures: Figures,
) -> Prepared:
    """Read and check all sources, then write what is generated from them. Raises SourceError and OSError."""
    pages = {
        file: file.read_text(encoding="utf-8-sig", errors="replace")
        for file in sorted(docs_dir.rglob("*.md"))
    }
    faults: list[Fault] = front_matter.faults_of(pages) + check_diagrams(pages)
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
    cited = {docs_dir / question.source: pages[docs_dir / question.source] for question in catalog}
    faults += references.faults_of(cited)
    try:
        # The Markdown extension reads it for each page, where a fault would have no place to be told.
        links.load()
    except SourceError as error:
        faults += error.faults
    found_by: dict[str, str] = {}
    try:
        # The generator itself tells of a page in the navigation that is not there.
        sources = {source: pages[docs_dir / source] for source in nav if docs_dir / source in pages}
        vocabularies, topic_names = search.load_vocabulary(SEARCH, catalog), search.load_topic_names(SEARCH)
        found_by = search.search_files(catalog, sources, vocabularies, topic_names)
    except SourceError as error:
        faults += error.faults
    if faults:
        raise SourceError(faults)

    others = {
        source: front_matter.read(docs_dir / source) for source in sources if catalog.at(source) is None
    }
    packages = {source: page.meta["example"] for source, page in others.items() if "example" in page.meta}
    packages |= {question.source: question.package for question in catalog}
    packages |= {source: kit.question.package for source, kit in kits_of.items()}
    counted = tally(sources[question.source] for question in catalog if question.source in sources)
    prepared = Prepared(catalog, plans, chains, kits_of, packages, figures, counted, Generated({}, {}, {}))
    times = history.commit_times(docs_dir)
    if not times:
        _log.info("The pages get no dates: %s", history.why_unknown(docs_dir))
    dates = {source: time.date() for source, time in times.items()}
    published: dict[str, str | bytes] = {
        **exports.published_files(
            catalog, site.url, dates, redirects, lambda question: head.short_link(question, site)
        ),
        **cards.files(catalog, plans, site),
        **drills,
        **found_by,
        feed.NAME: feed.feed_xml(catalog, site, times),
        **icons.pngs((docs_dir / icons.SOURCE).read_text(encoding="utf-8")),
    }

    plain = _texts(docs_dir, sources, prepared, site)
    figures.keep()
    beside = {
        question.source: markdown_files.question_file(
            question, plain[question.source], site, dates.get(question.source)
        )
        for question in catalog
        if question.source in plain
    }
    by_number = sorted(kits_of.values(), key=lambda kit: kit.question.number)
    beside |= {
        kit.source: markdown_files.kit_file(kit, plain[kit.source], site)
        for kit in by_number
        if kit.source in plain
    }
    published["llms-full.txt"] = markdown_files.llms_full_txt(beside, site)
    named = {
        source: (str(page.meta.get("title", "")), str(page.meta.get("description", "")))
        for source, page in others.items()
    }
    published["llms.txt"] = markdown_files.llms_txt(catalog, by_number, named, site)
    published[deck.NAME] = deck.package(catalog, plain, site, history.head_time(ROOT) or history.now())
    for source in plain.keys() - beside.keys():
        beside[source] = markdown_files.page_file(named[source][0], plain[source])

    described = head.pages_of(named, catalog, plans, kits_of, site, dates)
    heads = head.head_files(described, catalog, plans, kits_of, site)
    templates = {**exports.template_files(catalog, kits_of), **heads}
    texts_of = {render.address_of(source): text for source, text in beside.items()}
    prepared = prepared._replace(generated=Generated(published, templates, texts_of))
    _lay(prepared.generated, docs_dir, site_dir, site)
    return prepared


def _lay(generated: Generated, docs_dir: Path, site_dir: Path, site: Site) -> None:
    """Put into place what a build writes, and remove what another has written and this one has not. Raises OSError."""
    exports.write(docs_dir, generated.published)
    exports.prune(docs_dir, generated.published)
    exports.write(TEMPLATES, generated.templates)
    finish.stage(generated.beside, site, site_dir)


def _texts(
    docs_dir: Path, sources: Mapping[str, str], prepared: Prepared, site: Site
) -> dict[str, texts.Text]:
    """The plain text of every question, kit and document to fill in, by path below docs/.

    A page whose macros or listings fail is left out: the generator, which meets the same fault, tells of it and decides
    whether it stops.
    """
    # A server builds again after each edit, of one page: those of the others are there, if nothing else has changed for them.
    known = TEXTS.under((site, prepared))
    plain: dict[str, texts.Text] = {}
    for source, text in sources.items():
        is_taken = prepared.catalog.at(source) or source in prepared.kits_of or render.is_document(source)
        if not is_taken:
            continue
        if source not in known or known[source][0] != text:
            body = front_matter.split(text, docs_dir / source).body
            try:
                expanded = texts.expand(body, _plain_macros(source, prepared, site), ROOT, f"texts/{source}")
            except Exception:
                continue
            known[source] = text, texts.plain(expanded, source, site.url)
        plain[source] = known[source][1]
    return plain


def _fingerprint(*folders: Path) -> int:
    """Changes with any file in the folders: its name, its time or its size. Zensical asks for it once a page."""
    return hash(tuple(stat for folder in folders for stat in sorted(_stats(folder))))


def _stats(folder: str | Path) -> Iterator[tuple[str, int, int]]:
    """Path, time and size of every file below the folder, compiled modules apart."""
    if not Path(folder).is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _stats(entry.path)
            else:
                stat = entry.stat()
                yield entry.path, stat.st_mtime_ns, stat.st_size


def _stop(message: str) -> Exception:
    """The error with which the generator at hand stops without a traceback."""
    try:
        from mkdocs.exceptions import Abort
    except ImportError:
        return RuntimeError(message)
    return Abort(message)
