"""Jinja macros for the pages. This is the only module that knows the site generator.

MkDocs calls `define_env` once a build, Zensical once a page: what is costly is cached by what it depends on.
"""

from __future__ import annotations

import importlib
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template

from macros import calculators, charts, evidence, exports, front_matter, kits, render, search
from macros.catalog import Catalog, load_catalog, nav_pages
from macros.diagrams import check as check_diagrams
from macros.faults import Fault, SourceError
from macros.plan import Plan, load_plans
from macros.question import Category, Difficulty

ROOT = Path(__file__).parent.parent
SEARCH = ROOT / "search"


def define_env(env: Any) -> None:
    """Check all sources, write the generated files, register the macros. Called by the macros plugin."""
    docs_dir = Path(env.project_dir, env.conf["docs_dir"])
    redirects = env.conf["extra"].get("redirects") or {}
    try:
        catalog, plans, kits_of = _prepare(
            docs_dir,
            env.conf["site_url"],
            tuple(nav_pages(env.conf["nav"])),
            tuple(redirects.items()),
            _fingerprint(
                *docs_dir.rglob("*.md"),
                *ROOT.glob("examples/*/evidence*/*"),
                *ROOT.glob("examples/*/evidence.yml"),
                *SEARCH.glob("*.yml"),
            ),
        )
    except SourceError as error:
        raise _stop(str(error)) from error

    # An edited example has to show while the site is being served.
    for name in [name for name in sys.modules if name.startswith("examples.")]:
        del sys.modules[name]

    def source() -> str:
        """Path below docs/ of the page being rendered."""
        page = env.page
        return str(page.file.src_uri if hasattr(page, "file") else page.path)

    def root() -> str:
        return render.root_of(render.address_of(source()))

    def example_of(page: str) -> Any:
        """The example that a page names in its front matter, read by ourselves: each generator keeps it elsewhere."""
        file = docs_dir / page
        return front_matter.split(file.read_text(encoding="utf-8"), file).meta.get("example")

    def of_figures(call: str, name: str, /, **arguments: Any) -> Any:
        """What the function `name` of the figures module of this page's example returns.

        A question page's example goes by its slug, a kit's is its question's; another page names one as `example` in its
        front matter.
        """
        kit = kits_of.get(source())
        page = kit.question if kit else catalog.at(source())
        package = page.package if page else example_of(source())
        if package is None:
            raise ValueError(
                f"{call}({name!r}): {source()} is no question page and has no `example` in its front matter"
            )
        module = importlib.import_module(f"examples.{package}.figures")
        if not hasattr(module, name):
            raise ValueError(f"{call}({name!r}): {module.__file__} has no such function")
        return getattr(module, name)(**arguments)

    @env.macro
    def computed(name: str, /, **arguments: Any) -> Any:
        """Call `name` of the figures module of this page's example and print what it returns."""
        return of_figures("computed", name, **arguments)

    @env.macro
    def chart(name: str, /, **arguments: Any) -> str:
        """Draw the chart whose specification `name` of the figures module of this page's example returns."""
        return charts.figure(name, of_figures("chart", name, **arguments))

    @env.macro
    def calculator(name: str, /) -> str:
        """The form, and the worked example, that `name` of the figures module of this page's example specifies."""
        return calculators.html(calculators.load(of_figures("calculator", name)))

    @env.macro
    def evidence_files() -> str:
        """This drill's files: links to them, how each came about, and what it holds."""
        page = catalog.at(source())
        files = evidence.load(ROOT / "examples" / page.package) if page else ()
        if page is None or not files:
            raise ValueError(
                f"evidence_files(): {source()} is no question page whose example has an evidence.yml"
            )
        return render.evidence_table(page, files)

    @env.macro
    def guess(stage: int) -> str:
        """A field for the reader's own expectation, before a stage's evidence is revealed."""
        return render.guess(stage)

    def drawn(markdown: str) -> str:
        """What a kit draws from its question's page, with the figures in it."""
        return str(Template(markdown, undefined=StrictUndefined).render(computed=computed))

    def own_kit(call: str) -> kits.Kit:
        if source() not in kits_of:
            raise ValueError(f"{call}(): {source()} is no interviewer's kit")
        return kits_of[source()]

    @env.macro
    def kit_hints() -> str:
        """The hints of this kit's question, open."""
        return drawn(kits.hints_markdown(own_kit("kit_hints").hints))

    @env.macro
    def kit_score_sheet() -> str:
        """The signals and levels of this kit's question, to tick."""
        kit = own_kit("kit_score_sheet")
        return drawn(kits.score_sheet_markdown(kit.signals, kit.levels))

    @env.macro
    def kit_list() -> str:
        """All kits, with what each question asks for."""
        return render.kit_list(kits_of.values(), source())

    @env.macro
    def question(number: int) -> str:
        """A link to a question, by its number."""
        return render.question_link(catalog.get(number), source())

    @env.macro
    def question_table(category: str | None = None, difficulty: str | None = None) -> str:
        """All questions, or those of a category or a difficulty, one row each."""
        questions = catalog.select(
            Category(category) if category else None, Difficulty(difficulty) if difficulty else None
        )
        return render.question_table(questions, root())

    @env.macro
    def distribution() -> str:
        """Questions by category and difficulty, with totals."""
        return render.distribution(catalog, root())

    @env.macro
    def question_count() -> int:
        return len(catalog)

    @env.macro
    def plan_days() -> str:
        """The plan in this page's front matter, day by day."""
        return render.plan_days(plans[source()], catalog, source())

    @env.macro
    def plan_length(page: str | None = None) -> str:
        """Days and minutes of this page's plan, or of another page's by its path below docs/."""
        plan = plans[page or source()]
        return f"{len(plan.days)} days, {render.plan_minutes(plan, catalog)} minutes"


@lru_cache(maxsize=1)
def _prepare(
    docs_dir: Path,
    site_url: str,
    nav: tuple[str, ...],
    redirects: tuple[tuple[str, str], ...],
    fingerprint: int,
) -> tuple[Catalog, dict[str, Plan], dict[str, kits.Kit]]:
    """Read and check all sources, then write what is generated from them. Raises SourceError."""
    pages = {
        file: file.read_text(encoding="utf-8", errors="replace") for file in sorted(docs_dir.rglob("*.md"))
    }
    faults: list[Fault] = front_matter.faults_of(pages) + check_diagrams(pages)
    try:
        catalog = load_catalog(docs_dir, nav)
        plans = load_plans(docs_dir, catalog)
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
    found_by: dict[str, str] = {}
    try:
        # The generator itself tells of a page in the navigation that is not there.
        texts = {source: pages[docs_dir / source] for source in nav if docs_dir / source in pages}
        vocabularies, topic_names = search.load_vocabulary(SEARCH, catalog), search.load_topic_names(SEARCH)
        found_by = search.search_files(catalog, texts, vocabularies, topic_names)
    except SourceError as error:
        faults += error.faults
    if faults:
        raise SourceError(faults)

    published = exports.published_files(catalog, site_url, exports.commit_dates(docs_dir), dict(redirects))
    exports.write(docs_dir, published | drills | found_by)
    exports.write(ROOT / "overrides" / "generated", exports.template_files(catalog, kits_of))
    return catalog, plans, kits_of


def _fingerprint(*files: Path) -> int:
    """Changes with any of the files: its name, its time or its size."""
    stats = [(str(file), file.stat()) for file in sorted(files)]
    return hash(tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats))


def _stop(message: str) -> Exception:
    """The error with which the generator at hand stops without a traceback."""
    try:
        from mkdocs.exceptions import Abort
    except ImportError:
        return RuntimeError(message)
    return Abort(message)
